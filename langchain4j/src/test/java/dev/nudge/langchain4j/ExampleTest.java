package dev.nudge.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.ChildJvm;
import dev.nudge.Goldens;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Runs `examples/Frameworks.java` as a user would.
@Timeout(1800)
class ExampleTest {
  @TempDir Path folder;

  @Test
  void theExampleOfTheGuideAnswersThroughAnAdapter() throws Exception {
    Path said = folder.resolve("said.txt");
    Process process =
        new ProcessBuilder(
                ChildJvm.command(
                    ChildJvm.FLAGS,
                    "../examples/Frameworks.java",
                    Goldens.MODEL,
                    Goldens.ADAPTER,
                    "chatml"))
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    process.waitFor();
    assertThat(process.exitValue()).as(Files.readString(said)).isZero();
    assertThat(Files.readString(said)).contains("answer: ");
  }
}
