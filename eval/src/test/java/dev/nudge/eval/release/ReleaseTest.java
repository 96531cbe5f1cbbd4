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
import dev.nudge.gguf.GgufFiles;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Address;
import dev.nudge.registry.Alias.Expected;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.settings.verb.ScoreSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

  private Path policy(String text) throws IOException {
    return Files.writeString(temp.resolve("policy.yaml"), text);
  }

  @Test
  void aPolicyThatPassesIsKeptWithTheRelease() throws IOException {
    Path policy =
        policy(
            """
            retain: {task: held_out, metric: loss, margin: 10}
            ceiling: {task: held_out, metric: loss, at_most: 100, judged_by: point}
            """);
    Release.Outcome outcome = run(settings(rows).withTo("nf4").withPolicy(policy));
    assertThat(outcome.verdict()).isEqualTo(Verdict.PASS);
    assertThat(outcome.line())
        .contains("is released: PASS: 2 pass of --policy")
        .contains("loss went from");
    assertThat(files()).contains("gate.json", "gate.xml", "model.safetensors");
    JsonNode report = Json.read(temp.resolve("out/release.json"));
    JsonNode gate = Json.read(temp.resolve("out/gate.json"));
    assertThat(report.path("gate")).isEqualTo(gate);
    assertThat(report.path("files").has("gate.json")).isTrue();
    assertThat(gate.at("/rules/0/value").asDouble())
        .isCloseTo(-report.at("/cost/value").asDouble(), within(1e-9));
    assertThat(gate.at("/rules/1/value").asDouble())
        .isCloseTo(report.at("/loss/release").asDouble(), within(1e-9));
    assertThat(gate.at("/digests/adapter/adapter_model.safetensors"))
        .isEqualTo(report.at("/digests/adapter"));
  }

  @ParameterizedTest
  @CsvSource({"1000, FAIL", "0, INCONCLUSIVE"})
  void aPolicyThatFailsLeavesTheReportAlone(double by, Verdict verdict) throws IOException {
    Path policy = policy("improve: {task: held_out, metric: loss, by: %s}".formatted(by));
    ReleaseSettings settings = settings(verdict == Verdict.FAIL ? rows : rows(12));
    Release.Outcome outcome = run(settings.withPolicy(policy));
    assertThat(outcome.verdict()).isEqualTo(verdict);
    assertThat(outcome.line()).contains("is not released").doesNotContain("\n");
    assertThat(files()).containsExactly("release.json");
    JsonNode report = Json.read(temp.resolve("out/release.json"));
    assertThat(report.at("/gate/verdict").asString()).isEqualTo(verdict.word());
    assertThat(report.path("verdict").asString()).isEqualTo(verdict.word());
  }

  @Test
  void aPolicyOfOtherTasksIsRefusedFirst() throws IOException {
    for (String rule :
        List.of(
            "retain: {task: legal, metric: acc, margin: 0.1}",
            "latency: {seconds_per_request: 1}",
            "retain: {task: held_out, metric: acc, margin: 0.1}")) {
      Path policy = policy(rule);
      assertThatThrownBy(() -> run(settings(temp.resolve("none")).withPolicy(policy)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("which have the task held_out with the metric loss");
    }
    assertThatThrownBy(() -> settings(rows).withTolerance(1).withPolicy(rows))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leave withTolerance out");
    assertThat(temp.resolve("out")).doesNotExist();
  }

  /// One version with what it is made of, how it is held and what was measured; a protected alias
  /// goes to it by its own verdict alone.
  @Test
  void aReleaseIsAVersionOfARegistry() throws IOException {
    Path policy = policy("retain: {task: held_out, metric: loss, margin: 10}");
    ReleaseSettings settings =
        settings(rows).withTo("gptq").withCalibration(rows).withGroupSize(8).withPolicy(policy);
    run(settings);
    Path out = temp.resolve("out");
    Registry registry = Registry.open(temp.resolve("registry"));
    Note note = Note.by("tester", "test");
    Version version = registry.push("served", out, note).version();
    assertThat(registry.push("served", out, note).fresh()).isFalse();
    assertThat(registry.lineage(version))
        .isEqualTo(Json.read(version.folder().resolve("lineage.json")));
    JsonNode lineage = registry.lineage(version);
    JsonNode report = Json.read(out.resolve("release.json"));
    assertThat(version.base()).isEqualTo(report.at("/digests/base").asString());
    assertThat(lineage.at("/adapter/adapter_model.safetensors").asString())
        .isEqualTo(Sha256.of(Goldens.ADAPTER.resolve("adapter_model.safetensors")));
    assertThat(lineage.path("calibration").asString()).startsWith("sha256:");
    assertThat(lineage.at("/quantization/form").asString()).isEqualTo("gptq");
    assertThat(lineage.at("/quantization/quantization_config/group_size").asInt()).isEqualTo(8);
    assertThat(lineage.at("/results/cost")).isEqualTo(report.path("cost"));
    assertThat(lineage.toString()).doesNotContain(temp.toString());
    checkServed(version.folder(), report);
    registry.protect("served", "champion", null, false, note);
    assertThatThrownBy(() -> registry.alias("served", "champion", version, Expected.ANY, note))
        .hasMessageContaining(" has no fresh PASS: no gate.json is kept with it; ");
    registry.report(Reference.parse("served:1"), out.resolve("gate.json"), note);
    registry.alias("served", "champion", version, Expected.ANY, note);
    Version adapter = registry.push("adapter", Goldens.ADAPTER, note).version();
    registry.protect("adapter", "champion", null, false, note);
    registry.report(Reference.parse("adapter:1"), out.resolve("gate.json"), note);
    assertThatThrownBy(() -> registry.alias("adapter", "champion", adapter, Expected.ANY, note))
        .hasMessageContaining("a release of it was judged");
    Path tar = temp.resolve("served.tar");
    registry.publish(Reference.parse("served:1"), Address.parse(tar.toString(), false), null, null);
    Registry elsewhere = Registry.open(temp.resolve("elsewhere"));
    Address from = Address.parse(tar.toString(), false);
    assertThat(elsewhere.pull("copied", from, null, null, note).version().digest())
        .isEqualTo(version.digest());
  }

  @Test
  void aReleasesFoldersAreDigestedPushedCopiedAndReplaced() throws IOException {
    Path model = temp.resolve("model");
    try (Stream<Path> all = Files.list(Goldens.MODEL)) {
      Files.createDirectories(model.resolve("additional_chat_templates"));
      for (Path file : all.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    String name = "additional_chat_templates/tool_use.jinja";
    Files.writeString(model.resolve("chat_template.jinja"), "{{ messages }}");
    Files.writeString(model.resolve(name), "{{ tools }}");
    ReleaseSettings settings =
        ReleaseSettings.of(model, Goldens.ADAPTER, rows, temp.resolve("out"))
            .withCompute(Compute.FP32);
    run(settings);
    Path out = temp.resolve("out");
    assertThat(Json.read(out.resolve(Release.REPORT)).path("files").path(name).path("sha256"))
        .hasToString("\"" + Sha256.ofFile(out.resolve(name)) + "\"");
    Registry registry = Registry.open(temp.resolve("registry"));
    Note note = Note.by("tester", "test");
    Version version = registry.push("served", out, note).version();
    assertThat(version.folder().resolve(name)).hasContent("{{ tools }}");
    Path tar = temp.resolve("served.tar");
    Reference one = Reference.parse("served:1");
    registry.publish(one, Address.parse(tar.toString(), false), null, null);
    Registry elsewhere = Registry.open(temp.resolve("elsewhere"));
    elsewhere.pull("copied", Address.parse(tar.toString(), false), null, null, note);
    assertThat(elsewhere.export(Reference.parse("copied:1"), temp.resolve("back"), false))
        .contains(name);
    assertThat(temp.resolve("back").resolve(name)).hasContent("{{ tools }}");
    Files.writeString(out.resolve(name), "{{ other }}");
    assertThatThrownBy(() -> registry.push("served", out, note))
        .hasMessageContaining(name + " is not the file that was released");
    Files.delete(out.resolve(name));
    Files.delete(templates(out));
    Files.createSymbolicLink(templates(out), model.resolve("additional_chat_templates"));
    assertThatThrownBy(() -> registry.push("served", out, note))
        .hasMessageContaining(name + " is a link, and links are not followed");
    Files.delete(templates(out));
    assertThatThrownBy(() -> registry.push("served", out, note))
        .hasMessageContaining("has no " + name + ", which its release.json names");
    Files.createDirectories(templates(out));
    Files.writeString(out.resolve(name), "{{ tools }}");
    Files.delete(model.resolve(name)); // a release anew takes what the earlier one had with it
    run(settings.withOverwrite(true));
    assertThat(out.resolve(name)).doesNotExist();
  }

  private static Path templates(Path out) {
    return out.resolve("additional_chat_templates");
  }

  @Test
  void aReleaseThatWasChangedOrFailedIsNoVersion() throws IOException {
    run(settings(rows));
    Path out = temp.resolve("out");
    Registry registry = Registry.open(temp.resolve("registry"));
    Note note = Note.by("tester", "test");
    Path config = out.resolve("config.json");
    Files.writeString(config, Files.readString(config) + " ");
    assertThatThrownBy(() -> registry.push("served", out, note))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("config.json is not the file that was released");
    Path report = out.resolve("release.json");
    String text = Files.readString(report);
    Files.writeString(report, text.replace("\"config.json\"", "\"../config.json\""));
    assertThatThrownBy(() -> registry.push("served", out, note))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("names a file '../config.json'; a plain name is needed");
    Files.writeString(report, text);
    Files.delete(config);
    assertThatThrownBy(() -> registry.push("served", out, note))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("has no config.json, which its release.json names");
    run(settings(rows(12)).with("out", temp.resolve("few")));
    assertThatThrownBy(() -> registry.push("served", temp.resolve("few"), note))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not one that passed");
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

  @ParameterizedTest
  @CsvSource({"gptq, gptq", "awq, awq"})
  void aFormMadeOnRowsIsServed(String form, String method) throws IOException {
    ReleaseSettings settings =
        settings(rows).withTo(form).withCalibration(rows).withGroupSize(8).withTolerance(10);
    Release.Outcome outcome = run(settings);
    assertThat(outcome.verdict()).isEqualTo(Verdict.PASS);
    Path out = temp.resolve("out");
    JsonNode config = Json.read(out.resolve("config.json"));
    assertThat(config.at("/quantization_config/quant_method").asString()).isEqualTo(method);
    assertThat(config.at("/quantization_config/group_size").asInt()).isEqualTo(8);
    checkServed(out, outcome);
    assertThat(run(settings.withOverwrite(true)).verdict()).isEqualTo(Verdict.PASS);
    checkServed(out, outcome);
  }

  /// The patterns are those of the held-out rows.
  @Test
  void rowsToCalibrateOnAreReadAsTheDataIs() throws IOException {
    Path own = temp.resolve("own.jsonl");
    String columns = Files.readString(rows).replace("prompt", "ask").replace("completion", "say");
    Files.writeString(own, columns);
    ReleaseSettings settings =
        settings(own).withTo("gptq").withCalibration(own).withGroupSize(8).withTolerance(10);
    Release.Outcome outcome = run(settings.withPrompt("{ask}").withCompletion("{say}"));
    assertThat(outcome.verdict()).isEqualTo(Verdict.PASS);
    List<String> notes = new ArrayList<>();
    ReleaseSettings unread = settings(rows).withTo("awq").withGroupSize(8).withCalibration(own);
    assertThatThrownBy(
            () ->
                Release.run(
                    unread.withOverwrite(true), MACHINE, notes::add, warnings::add, () -> false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("40 of 40 rows are bad");
    assertThat(notes).isEmpty();
  }

  /// The file is scored as it lies there, and holds the merged weights.
  @Test
  void aGgufFileIsServed() throws IOException {
    Release.Outcome outcome = run(settings(rows).withTo("gguf:f32"));
    assertThat(outcome.line()).contains("is released");
    assertThat(files()).containsExactly("Modelfile", "model.gguf", "nudge.json", "release.json");
    Path file = temp.resolve("out/model.gguf");
    checkServed(file, outcome);
    try (GgufFiles gguf = GgufFiles.open(file)) {
      assertThat(gguf.metadata().text("general.name")).isEqualTo("out");
    }
    JsonNode report = Json.read(temp.resolve("out/release.json"));
    assertThat(report.at("/digests/tokenizer").asString()).startsWith("sha256:");
    assertThat(report.at("/cost/value").asDouble()).isCloseTo(0, within(1e-5));
    assertThat(warnings).noneMatch(line -> line.contains(".new") || line.contains("--licence"));
    Release.Outcome four = run(settings(rows).withTo("gguf:q8_0").withOverwrite(true));
    assertThat(files()).contains("release.json");
    assertThat(Math.abs(Json.parse(Json.line(four.report())).at("/cost/value").asDouble()))
        .isBetween(1e-7, 1.0);
  }

  private void checkServed(Path model, Release.Outcome outcome) {
    checkServed(model, Json.parse(Json.line(outcome.report())));
  }

  private void checkServed(Path model, JsonNode report) {
    ScoreSettings stored = ScoreSettings.of(model, rows).withCompute(Compute.FP32);
    double own = Scoring.score(stored, MACHINE, _ -> {}, warnings::add).loss();
    assertThat(report.at("/loss/release").asDouble()).isCloseTo(own, within(1e-9));
    assertThat(report.at("/digests/release").asString())
        .isEqualTo(BaseDigest.of(model, Backends.cache()));
  }

  @Test
  void theReportOfAFailedReleaseIsReplacedByTheNextOne() throws IOException {
    run(settings(rows(12)));
    assertThatThrownBy(() -> run(settings(rows)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not empty; give a new folder, or --overwrite");
    run(settings(rows(13)).withOverwrite(true));
    JsonNode report = Json.read(temp.resolve("out/release.json"));
    assertThat(report.path("rows").asInt()).isEqualTo(13);
    assertThat(run(settings(rows).withOverwrite(true)).verdict()).isEqualTo(Verdict.PASS);
    assertThat(files()).contains("model.safetensors");
  }

  /// The flags say how the base is held; the released form is measured as it is stored.
  @Test
  void theReleasedFormIsScoredAsItIsStored() {
    ReleaseSettings loose = settings(rows).withTolerance(10).withOverwrite(true);
    Path out = temp.resolve("out");
    List<ReleaseSettings> all =
        List.of(
            loose.withQuantize(Quantize.NF4),
            loose.withQuantize(Quantize.NONE).withTo("nf4"),
            loose.withTo("nf4").withDoubleQuant(false));
    for (ReleaseSettings one : all) {
      Release.Outcome outcome = run(one);
      assertThat(outcome.verdict()).isEqualTo(Verdict.PASS);
      checkServed(out, outcome);
    }
    JsonNode config = Json.read(out.resolve("config.json"));
    assertThat(config.at("/quantization_config/bnb_4bit_use_double_quant").asBoolean()).isFalse();
  }

  @Test
  void aReleaseIsStoppedWhileRowsAreScored() {
    List<String> notes = new ArrayList<>();
    assertThat(Release.run(settings(rows), MACHINE, notes::add, warnings::add, () -> true))
        .isNull();
    assertThat(notes).isEmpty();
    Path form = temp.resolve(".out.new/form/config.json");
    AtomicInteger asked = new AtomicInteger();
    BooleanSupplier inTheLast = () -> Files.exists(form) && asked.incrementAndGet() > 2;
    ReleaseSettings four = settings(rows).withTo("nf4").withTolerance(10);
    assertThat(Release.run(four, MACHINE, notes::add, warnings::add, inTheLast)).isNull();
    assertThat(notes).hasSize(2);
    assertThat(temp.resolve("out")).doesNotExist();
    assertThat(temp.resolve(".out.new")).doesNotExist();
  }

  @Test
  void whatIsWrongIsSaidBeforeAnythingIsWritten() {
    assertThatThrownBy(() -> settings(rows).withTo("gptx"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("withTo is 'gptx'; it must be one of dense, nf4");
    ReleaseSettings gptq = settings(rows).withTo("gptq");
    for (var wrong :
        Map.of(
                gptq,
                "--calibration is missing; --to gptq needs rows",
                settings(rows).withCalibration(rows),
                "--calibration: --to dense has no use for it",
                settings(rows).withGroupSize(8),
                "--group-size: --to dense has no use for it",
                gptq.withCalibration(temp.resolve("none")),
                "none does not exist",
                gptq.withCalibration(rows),
                "--group-size 128 does not divide")
            .entrySet()) {
      assertThatThrownBy(() -> run(wrong.getKey()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(wrong.getValue());
    }
    assertThatThrownBy(() -> settings(rows).withTolerance(-1))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("withTolerance");
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
