package dev.nudge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Starts JVMs without the flags that the library wants: each missing one is told in a line that
/// says what it costs and what to add.
class JvmFlagsTest {
  private static final String MODEL = "src/test/resources/golden/llama/grouped-tied/model";

  private static ChildJvm opened(String... flags) throws IOException {
    List<String> all = new ArrayList<>(List.of(flags));
    all.add("-XX:+UseSerialGC");
    return ChildJvm.run(all, JvmFlagsTest.class.getName(), MODEL);
  }

  /// Opens a model, completes a prompt and prints warnings, the answer's length and mistakes.
  public static void main(String[] args) {
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");
    Nudge nudge = Nudge.on(machine, line -> System.out.println("warning: " + line));
    try (Session session = nudge.open(Path.of(args[0]))) {
      System.out.println(
          "answer of "
              + session
                  .complete("pump:", SamplingSettings.greedy().withMaxTokens(4), t -> {})
                  .tokens());
    } catch (InputException e) {
      System.out.println("mistake: " + e.getMessage());
    }
  }

  @Test
  void withAllFlagsNothingIsSaid() throws IOException {
    ChildJvm child = opened(ChildJvm.FLAGS.toArray(String[]::new));
    assertThat(child.text()).contains("answer of ").doesNotContain("warning: ", "mistake: ");
  }

  @Test
  void withoutFlagsEachIsNamedWithItsCost() throws IOException {
    ChildJvm child = opened("-Dnudge.kernels=auto"); // whatever the tests run by
    assertThat(child.output())
        .contains(
            "warning: the Vector API module is missing, so kernels run in plain Java, several"
                + " times slower; start java with --add-modules jdk.incubator.vector",
            "warning: native access is not enabled, so the JVM prints warnings, weights larger than"
                + " memory are not read ahead, and a later Java will refuse; start java with"
                + " --enable-native-access=ALL-UNNAMED");
    assertThat(child.text()).contains("answer of ");
  }

  @Test
  void whereNativeAccessIsDeniedTheFlagIsNamed() throws IOException {
    ChildJvm child =
        opened("--add-modules", "jdk.incubator.vector", "--illegal-native-access=deny");
    assertThat(child.output())
        .contains(
            "mistake: this JVM denies native access, which matrix products and tokenizers need;"
                + " start java with --enable-native-access=ALL-UNNAMED");
  }
}
