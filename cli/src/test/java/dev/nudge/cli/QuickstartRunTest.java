package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.train.QuickstartVerb;
import dev.nudge.machine.Machine;
import dev.nudge.quickstart.Quickstart;
import dev.nudge.quickstart.QuickstartSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Runs the quickstart on the base that ships with nudge.
class QuickstartRunTest {
  private static final Path BASE = Path.of("../base/model");

  @TempDir Path folder;

  /// As a newcomer does: about a minute and a half on two cores.
  @Test
  @Tag("slow")
  void theAdapterLearnsWhatTheBaseCannotDo() {
    JsonNode report = report(Library.verbs(), ExitCode.DONE);
    assertThat(report.get("base").get("score").get("rows").asInt()).isGreaterThanOrEqualTo(200);
    assertThat(share(report, "adapter")).isGreaterThanOrEqualTo(0.9);
    assertThat(report.get("adapter").get("against").get("p").asDouble()).isLessThan(1e-6);
    assertThat(report.get("passed").asBoolean()).isTrue();
  }

  /// Ten steps and few cases: the same way, at whose end nothing is learned yet.
  @Test
  void anAdapterThatIsNotBetterThanTheBaseIsRefused() {
    QuickstartSettings usual = QuickstartSettings.of(BASE, folder.resolve("kept"));
    QuickstartSettings less =
        new QuickstartSettings(BASE, usual.keep(), 160, 1, usual.learningRate(), 64);
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");
    QuickstartVerb verb =
        new QuickstartVerb((_, told, stopped) -> Quickstart.run(less, machine, told, stopped));
    JsonNode report = report(List.of(verb), ExitCode.REFUSED);
    assertThat(report.get("passed").asBoolean()).isFalse();
  }

  private JsonNode report(List<Verb<?>> verbs, int code) {
    assumeTrue(Files.exists(BASE.resolve("config.json")), "the shipped base is not there");
    Path keep = folder.resolve("kept");
    Ran ran = Ran.of(verbs, "quickstart", "--json", "-q", "--keep", keep.toString());
    assertThat(ran.code()).as(ran.err()).isEqualTo(code);
    if (code == ExitCode.DONE) {
      assertThat(ran.err()).isEmpty();
    } else {
      assertThat(ran.err()).contains("the adapter is not better than the base").hasLineCount(1);
    }
    JsonNode report = new ObjectMapper().readTree(ran.out());
    System.out.printf(
        "quickstart: %.1f s, first step after %.1f s; base %s, adapter %s%n",
        report.get("seconds").asDouble(),
        report.get("training").get("first_step_seconds").asDouble(),
        share(report, "base"),
        share(report, "adapter"));
    assertThat(share(report, "base")).isBetween(0.10, 0.60);
    assertThat(report.get("merge").get("accepted").asBoolean()).isTrue();
    assertThat(keep.resolve("merged/model.safetensors")).isRegularFile();
    return report;
  }

  private static double share(JsonNode report, String who) {
    return report.get(who).get("score").get("share").asDouble();
  }
}
