package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Verb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Hold `nudge.cmd` and the `Dockerfile`, which a build on one system cannot run, to what can be
/// seen from there.
class OtherSystemsTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern LABEL = Pattern.compile("(?m)^:(\\w+)");
  private static final Pattern JUMP = Pattern.compile("(?:goto|call) :?(run|consider)\\b");

  @Test
  void bothLaunchersGiveTheJvmTheSameFlags() throws IOException {
    List<String> posix = words(between(posix(), "exec \"$jdk/bin/java\"", "${NUDGE_JAVA_OPTS:-}"));
    List<String> windows = words(between(windows(), "set flags=", "\n\n"));
    assertThat(posix).hasSizeGreaterThan(10).contains("-XX:+UseSerialGC");
    assertThat(windows).isEqualTo(posix);
    for (String flag : List.of("-Dnudge.rehearse=30", "-XX:AOTCache=", "-Dnudge.launcher=")) {
      assertThat(posix()).contains(flag);
      assertThat(windows()).contains(flag);
    }
  }

  @Test
  void bothLaunchersBuildTheSameWay() throws IOException {
    String maven =
        "-B -ntp -q -Dstyle.color=never -Plauncher -Dmaven.test.skip=true -pl cli -am package";
    String options = "--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED ";
    for (String script : List.of(posix(), windows())) {
      assertThat(script).contains(maven).containsPattern("MAVEN_OPTS=\"?" + options);
    }
  }

  @Test
  void theWindowsLauncherIsWrittenAsCmdReadsIt() throws IOException {
    String raw = Files.readString(ROOT.resolve("nudge.cmd"));
    assertThat(raw).isASCII();
    assertThat(raw.lines().count()).isEqualTo(raw.split("\r\n").length); // else cmd misses labels
    List<String> labels = LABEL.matcher(windows()).results().map(m -> m.group(1)).toList();
    List<String> jumps = JUMP.matcher(windows()).results().map(m -> m.group(1)).toList();
    assertThat(jumps).isNotEmpty().isSubsetOf(labels);
    assertThat(windows().lines())
        .allSatisfy(
            line -> assertThat(line.chars().filter(c -> c == '"').count() % 2).as(line).isZero());
  }

  @Test
  void theImageIsMadeOfWhatIsThere() throws IOException {
    List<String> lines = Files.readAllLines(ROOT.resolve("Dockerfile"));
    assertThat(lines).hasSizeLessThanOrEqualTo(25);
    List<String> instructions =
        lines.stream().filter(line -> !line.startsWith("#") && !line.isBlank()).toList();
    assertThat(instructions)
        .allMatch(line -> line.matches("(FROM|RUN|COPY|WORKDIR|ENV|ENTRYPOINT|CMD) .*"));
    for (String line : instructions) {
      List<String> words = Arrays.asList(line.split(" "));
      if (line.startsWith("COPY --from=build")) {
        for (String source : words.subList(2, words.size() - 1)) {
          Path file = ROOT.resolve(source.replace("/opt/nudge/", ""));
          assertThat(file.endsWith("target") || Files.exists(file)).as(source).isTrue();
        }
      }
    }
    assertThat(instructions).anyMatch(line -> line.startsWith("RUN ./nudge --version "));
    assertThat(instructions).anyMatch(line -> line.contains(" ./nudge doctor "));
    assertThat(instructions) // natives of a folder that others may write are not loaded
        .noneMatch(line -> line.matches(".*\\bchmod\\b.*([augo]*[+=]r?w|\\b[0-7]*[2367]\\b).*"));
    assertThat(Library.verbs().stream().map(Verb::name)).contains("doctor");
  }

  private static String posix() throws IOException {
    return Files.readString(ROOT.resolve("nudge"));
  }

  private static String windows() throws IOException {
    return Files.readString(ROOT.resolve("nudge.cmd")).replace("\r\n", "\n");
  }

  private static String between(String text, String from, String to) {
    MatchResult found =
        Pattern.compile("(?s)" + Pattern.quote(from) + "(.*?)" + Pattern.quote(to))
            .matcher(text)
            .results()
            .findFirst()
            .orElseThrow();
    return found.group(1);
  }

  /// The flags in order; where the JVM writes its last words differs.
  private static List<String> words(String flags) {
    return Stream.of(flags.replaceAll("[\\\\^]\n", "").split("\\s+"))
        .filter(word -> !word.isEmpty())
        .map(word -> word.replaceAll("ErrorFile=.*hs_err", "ErrorFile=hs_err").replace("%%", "%"))
        .map(word -> word.replace("\"", ""))
        .toList();
  }
}
