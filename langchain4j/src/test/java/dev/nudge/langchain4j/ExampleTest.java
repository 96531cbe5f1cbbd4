package dev.nudge.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Runs `examples/Frameworks.java` as a user would.
@Timeout(120)
class ExampleTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden");

  @TempDir Path folder;

  @Test
  void theExampleOfTheGuideAnswersThroughAnAdapter() throws Exception {
    Path said = folder.resolve("said.txt");
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--add-modules",
                    "jdk.incubator.vector",
                    "--enable-native-access=ALL-UNNAMED",
                    "--class-path",
                    System.getProperty("java.class.path"),
                    "../examples/Frameworks.java",
                    GOLDEN.resolve("llama/grouped-tied/model").toString(),
                    GOLDEN.resolve("peft/all-linear/adapter").toString(),
                    "chatml"))
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(said)).isZero();
    assertThat(Files.readString(said)).contains("answer: ");
  }
}
