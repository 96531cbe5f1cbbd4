package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Runs the quickstart as a newcomer does, on the base that ships with nudge: about a minute and a
/// half on two cores.
class QuickstartRunTest {
  @TempDir Path folder;

  @Test
  void theAdapterLearnsWhatTheBaseCannotDo() {
    assumeTrue(Files.exists(Path.of("../base/model/config.json")), "the shipped base is not there");
    Path keep = folder.resolve("kept");
    Ran ran = Ran.of("quickstart", "--json", "-q", "--keep", keep.toString());
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).isEmpty();
    JsonNode report = new ObjectMapper().readTree(ran.out());
    JsonNode base = report.get("base").get("score");
    JsonNode adapter = report.get("adapter").get("score");
    System.out.printf(
        "quickstart: %.1f s, first step after %.1f s; base %s, adapter %s%n",
        report.get("seconds").asDouble(),
        report.get("training").get("first_step_seconds").asDouble(),
        base,
        adapter);
    assertThat(base.get("rows").asInt()).isGreaterThanOrEqualTo(200);
    assertThat(base.get("share").asDouble()).isBetween(0.10, 0.60);
    assertThat(adapter.get("share").asDouble()).isGreaterThanOrEqualTo(0.9);
    assertThat(report.get("adapter").get("against").get("p").asDouble()).isLessThan(1e-6);
    assertThat(report.get("merge").get("accepted").asBoolean()).isTrue();
    assertThat(report.get("passed").asBoolean()).isTrue();
    assertThat(keep.resolve("merged/model.safetensors")).isRegularFile();
  }
}
