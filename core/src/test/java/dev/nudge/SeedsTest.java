package dev.nudge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Holds every random test to a seed that can be given back.
class SeedsTest {
  /// Numbers that no seed repeats.
  private static final Pattern UNREPEATABLE =
      Pattern.compile(
          "new (Splittable)?Random\\(\\)|new"
              + " (Splittable)?Random\\(System\\.|ThreadLocalRandom\\.|Math\\.random\\(|[sS]eed\\w*"
              + " =[^;]*(nanoTime|currentTimeMillis)");

  /// Names them.
  private static final List<String> APART = List.of("Seeds.java", "SeedsTest.java");

  @Test
  void theVariableGivesTheSeedOfAnEarlierRun() {
    assertThat(Seeds.of(null, 7)).isEqualTo(7);
    assertThat(Seeds.of(" ", 7)).isEqualTo(7);
    assertThat(Seeds.of("-12345678901", 7)).isEqualTo(-12345678901L);
    assertThatThrownBy(() -> Seeds.of("seven", 7))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("NUDGE_SEED is 'seven'; it must be a seed");
  }

  @Test
  void aSeedIsPrintedWithTheTestThatDrewIt() {
    PrintStream standard = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    long seed;
    try {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      seed = Seeds.next();
    } finally {
      System.setOut(standard);
    }
    assertThat(printed.toString(StandardCharsets.UTF_8).strip())
        .isEqualTo("SeedsTest: NUDGE_SEED=" + seed);
  }

  @Test
  void noTestDrawsASeedByItself() throws IOException {
    for (String module :
        List.of("format", "text", "core", "hub", "eval", "demo", "server", "cli", "bench")) {
      try (Stream<Path> files = Files.walk(Path.of("..", module, "src/test/java"))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          if (!APART.contains(file.getFileName().toString())) {
            assertThat(Files.readString(file))
                .as("%s takes its seed from Seeds.next()", file)
                .doesNotContainPattern(UNREPEATABLE);
          }
        }
      }
    }
  }
}
