package dev.nudge.eval.release;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.generate.Scoring;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.settings.Compute;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ScoreSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Releases a tiny adapter in each form.
class ReleaseTest {
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  @TempDir Path temp;
  private final List<String> warnings = new ArrayList<>();
  private Path rows;

  @BeforeEach
  void rows() throws IOException {
    rows = rows(40);
  }

  private Path rows(int count) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < count; i++) {
      lines.append(
          "{\"prompt\": \"%c %c\", \"completion\": \" %c%s\"}\n"
              .formatted('a' + i % 26, 'a' + i % 7, 'a' + i % 5, " b".repeat(i % 3)));
    }
    return Files.writeString(temp.resolve(count + ".jsonl"), lines);
  }

  private ReleaseSettings settings(Path data) {
    return ReleaseSettings.of(Goldens.MODEL, Goldens.ADAPTER, data, temp.resolve("out"))
        .withCompute(Compute.FP32);
  }

  private Release.Outcome run(ReleaseSettings settings) {
    return requireNonNull(Release.run(settings, MACHINE, _ -> {}, warnings::add, () -> false));
  }

  private List<String> files() throws IOException {
    try (Stream<Path> all = Files.list(temp.resolve("out"))) {
      return all.map(file -> file.getFileName().toString())
          .filter(name -> !name.startsWith(".nudge."))
          .sorted()
          .toList();
    }
  }

  @Test
  void aMergedModelIsReleasedWithEveryDigestAndFigure() throws IOException {
    Release.Outcome outcome = run(settings(rows));
    assertThat(outcome.verdict()).isEqualTo(Verdict.PASS);
    assertThat(files())
        .containsExactly(
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "nudge.json",
            "release.json",
            "tokenizer.json",
            "tokenizer_config.json");
    Path out = temp.resolve("out");
    JsonNode report = Json.read(out.resolve(Release.REPORT));
    assertThat(report).isEqualTo(Json.parse(Json.line(outcome.report())));
    for (var file : report.path("files").properties()) {
      assertThat(file.getValue().path("sha256").asString())
          .isEqualTo(Sha256.ofFile(out.resolve(file.getKey())));
    }
    assertThat(report.at("/digests/release").asString())
        .isEqualTo(BaseDigest.of(out, Backends.cache()));
    assertThat(report.at("/digests/base").asString())
        .isEqualTo(BaseDigest.of(Goldens.MODEL, Backends.cache()));
    ScoreSettings score = ScoreSettings.of(out, rows).withCompute(Compute.FP32);
    Scoring.Summary own = Scoring.score(score, MACHINE, _ -> {}, warnings::add);
    assertThat(report.at("/loss/release").asDouble()).isCloseTo(own.loss(), within(1e-9));
    ScoreSettings base = score.withModel(Goldens.MODEL);
    double before = Scoring.score(base, MACHINE, _ -> {}, warnings::add).loss();
    ScoreSettings tuned = base.withAdapter(Goldens.ADAPTER);
    double after = Scoring.score(tuned, MACHINE, _ -> {}, warnings::add).loss();
    assertThat(report.at("/gain/value").asDouble()).isCloseTo(before - after, within(1e-9));
    assertThat(report.at("/cost/value").asDouble()).isCloseTo(own.loss() - after, within(1e-9));
    assertThat(report.at("/merge/kl").asDouble()).isLessThan(1e-6);
  }

  @Test
  void aFormThatLosesMoreIsLeftOutAndTouchesNoEarlierRelease() throws IOException {
    ReleaseSettings four = settings(rows).withTo("nf4");
    Release.Outcome wide = run(four.withTolerance(10));
    assertThat(wide.verdict()).isEqualTo(Verdict.PASS);
    assertThat(Json.read(temp.resolve("out/config.json")).has("quantization_config")).isTrue();
    String before = Files.readString(temp.resolve("out/release.json"));
    assertThatThrownBy(() -> run(four.withTolerance(0)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds a released model; give another folder, or --overwrite");
    Release.Outcome narrow = run(four.withTolerance(0).withOverwrite(true));
    assertThat(narrow.verdict()).isNotEqualTo(Verdict.PASS);
    assertThat(Files.readString(temp.resolve("out/release.json"))).isEqualTo(before);
    assertThat(run(settings(rows).withOverwrite(true)).verdict()).isEqualTo(Verdict.PASS);
    assertThat(Json.read(temp.resolve("out/config.json")).has("quantization_config")).isFalse();
  }

  @Test
  void onFewRowsNothingIsShownAndTheReportStandsAlone() throws IOException {
    Release.Outcome outcome = run(settings(rows(12)));
    assertThat(outcome.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(outcome.line()).contains("more rows are needed to tell");
    assertThat(files()).containsExactly("release.json");
    JsonNode report = Json.read(temp.resolve("out/release.json"));
    assertThat(report.at("/cost/low").isMissingNode()).isTrue();
    assertThat(report.has("files")).isFalse();
  }

  @Test
  void whatIsWrongIsSaidBeforeAnythingIsWritten() {
    assertThatThrownBy(() -> settings(rows).withTo("gptx"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--to is 'gptx'; it must be one of dense, nf4");
    assertThatThrownBy(() -> settings(rows).withTolerance(-1))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--tolerance");
    assertThatThrownBy(() -> run(settings(temp.resolve("none.jsonl"))))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(() -> run(settings(rows).with("adapter", temp.resolve("none"))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist");
    assertThat(temp.resolve("out")).doesNotExist();
    assertThat(Release.run(settings(rows), MACHINE, _ -> {}, warnings::add, () -> true)).isNull();
    assertThat(temp.resolve("out")).doesNotExist();
  }
}
