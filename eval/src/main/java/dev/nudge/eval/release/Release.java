package dev.nudge.eval.release;

import dev.nudge.data.Splits;
import dev.nudge.engine.RowScore;
import dev.nudge.eval.Interval;
import dev.nudge.eval.gate.GateFiles;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.format.Json;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.generate.Scoring;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.Quantization;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.registry.Named;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Makes a release: merges base and adapter (and verifies the merge on the probe text), writes the
/// requested form, loads it as a server would, and compares it with base + adapter on held-out
/// rows.
///
/// It passes if its loss is shown to exceed that of base + adapter by at most the tolerance, or if
/// it passes the gate of a policy. Only then is the model written to `--out`. `release.json`, with
/// all digests and figures, is written in each case, except that a failed release does not change
/// an earlier one.
///
/// Threading: one thread.
public final class Release {
  /// The report's file.
  public static final String REPORT = "release.json";

  private static final int FORMAT = 1;
  private static final String MARK = "nudge.json";
  private static final String DENSE = "dense";
  private static final String NF4 = "nf4";
  private static final String FORM = "form";
  private static final Set<String> OWN =
      Set.of("adapter", "tolerance", "policy", "out", "overwrite");

  private final ReleaseSettings settings;
  private final Machine machine;
  private final Consumer<String> notes;
  private final Consumer<String> warnings;

  private Release(
      ReleaseSettings settings,
      Machine machine,
      Consumer<String> notes,
      Consumer<String> warnings) {
    this.settings = settings;
    this.machine = machine;
    this.notes = notes;
    this.warnings = warnings;
  }

  /// The outcome of a release.
  ///
  /// @param line the reason why it passed or not
  /// @param report the content of `release.json`
  public record Outcome(Verdict verdict, String line, Map<String, @Nullable Object> report) {}

  /// Makes a release.
  ///
  /// @param notes receives a line for each completed step
  /// @param cancelled polled between layers, scored rows and steps
  /// @return null if cancelled; nothing is left then
  /// @throws InputException in one line, before anything is written
  public static @Nullable Outcome run(
      ReleaseSettings settings,
      Machine machine,
      Consumer<String> notes,
      Consumer<String> warnings,
      BooleanSupplier cancelled) {
    Path adapter = Named.folder(settings.adapter(), settings.registry());
    Set<String> told = new HashSet<>(); // scoring and merging both warn
    Release release =
        new Release(
            settings.with("adapter", adapter),
            machine,
            notes,
            line -> {
              if (told.add(line)) {
                warnings.accept(line);
              }
            });
    try {
      return release.run(cancelled);
    } catch (StreamedLm.Cancelled e) {
      return null;
    }
  }

  private @Nullable Outcome run(BooleanSupplier cancelled) {
    ModelSettings model = settings.model();
    Path policy = settings.policy();
    ReleaseGate gate = policy == null ? null : ReleaseGate.of(policy);
    OutFolder.mend(settings.out());
    List<String> old = released(settings.out());
    ModelFolder.checkPlace(
        settings.out(), model.model(), old != null, "released", "release", settings.overwrite());
    DataSettings data =
        AdapterPatterns.of(settings.data(), settings.adapter(), model.anyBase(), notes, warnings)
            .read(resolved -> resolved);
    ReleaseForm form = ReleaseForm.checked(settings, data, machine);
    ScoreSettings score = scoring(data);
    RowLosses tuned =
        losses("base + adapter", held(score).withAdapter(settings.adapter()), cancelled);
    RowLosses base = losses("base", held(score), cancelled);
    try (NewFolder folder = NewFolder.at(settings.out())) {
      Path dense = folder.path().resolve(DENSE).resolve(name(settings.out())); // used in GGUF
      Merged merged = Merging.prepare(merging(dense), machine, warnings).run(cancelled);
      if (merged == null) {
        return null;
      }
      Map<String, @Nullable Object> report = report();
      report.put("merge", merged.difference());
      if (!merged.accepted()) {
        return ended(folder, old, report, Verdict.FAIL, apart(merged));
      }
      Path served =
          form.write(
              new ReleaseForm.Work(
                  settings, data, machine, warnings, dense, folder.path().resolve(FORM)),
              cancelled);
      if (served == null || cancelled.getAsBoolean()) {
        return null;
      }
      RowLosses own = losses("release", asStored(score, served), cancelled);
      RowLosses.Difference cost = own.above(tuned);
      report.put("rows", own.rows().size());
      report.put("tokens", own.tokens());
      Map<String, Object> loss = new LinkedHashMap<>();
      loss.put("base", base.loss());
      loss.put("tuned", tuned.loss());
      loss.put("release", own.loss());
      report.put("loss", loss);
      report.put("gain", base.above(tuned).written());
      report.put("cost", cost.written());
      Map<String, @Nullable Object> digests = digests(data, served);
      report.put("digests", digests);
      GateResult gated = gate == null ? null : gate.judge(settings, tuned, own, digests);
      Verdict verdict = gated == null ? cost.within(settings.mostLoss()) : gated.verdict();
      if (gated != null) {
        report.put("gate", Json.parse(GateFiles.json(gated)));
      }
      if (verdict == Verdict.PASS) {
        if (gated != null) {
          GateFiles.write(folder.path(), gated);
        }
        report.put("files", gather(folder.path(), dense, served));
      }
      String line = gated == null ? line(verdict, cost) : ReleaseGate.line(settings.out(), gated);
      return ended(folder, old, report, verdict, line);
    } catch (IOException e) {
      throw OutFolder.failure(settings.out(), e);
    }
  }

  private Map<String, @Nullable Object> report() {
    Map<String, @Nullable Object> report = new LinkedHashMap<>();
    report.put("nudge_release", FORMAT);
    report.put("verdict", null); // its place
    report.put("at", Instant.now().toString());
    report.put("settings", Schema.of(ReleaseSettings.class).values(settings));
    return report;
  }

  /// Writes the report, and renames the folder into place, with the model if it passed.
  private Outcome ended(
      NewFolder folder,
      @Nullable List<String> old,
      Map<String, @Nullable Object> report,
      Verdict verdict,
      String line)
      throws IOException {
    report.put("verdict", verdict.word());
    OutFolder.delete(folder.path().resolve(DENSE));
    OutFolder.delete(folder.path().resolve(FORM));
    if (verdict == Verdict.PASS || old == null) {
      OutFolder.place(folder.path().resolve(REPORT), Json.indented(report) + "\n");
      folder.place(old == null ? List.of() : old);
    }
    return new Outcome(verdict, line, report);
  }

  private String apart(Merged merged) {
    return String.format(
        Locale.ROOT,
        "%s is not released: the merged weights are %.2g nats a token (mean KL) from base + adapter"
            + " on the probe text, more than %s",
        settings.out(),
        merged.difference().kl(),
        merged.tolerance());
  }

  private String line(Verdict verdict, RowLosses.Difference cost) {
    String shown = String.format(Locale.ROOT, "%.2g", cost.value());
    if (!cost.interval().equals(Interval.UNKNOWN)) {
      shown +=
          String.format(
              Locale.ROOT, " (%.2g to %.2g)", cost.interval().low(), cost.interval().high());
    }
    String what =
        switch (verdict) {
          case PASS -> "is released: its loss is %s nats a token above that of base + adapter";
          case FAIL -> "is not released: its loss is %s nats a token above that of base + adapter";
          case INCONCLUSIVE ->
              "is not released: its loss is %s nats a token above that of base + adapter, and more"
                  + " rows are needed to tell";
        };
    return "%s %s; --tolerance is %s"
        .formatted(settings.out(), what.formatted(shown), settings.mostLoss());
  }

  /// Makes the settings of another command from the keys that both have.
  private <S extends Record> S shared(Class<S> type, Map<String, ?> more) {
    Map<String, @Nullable Object> given = Schema.of(ReleaseSettings.class).values(settings);
    Schema<S> schema = Schema.of(type);
    Map<String, Object> values = new LinkedHashMap<>();
    for (SettingComponent knob : schema.knobs()) {
      Object value = given.get(knob.key());
      if (value != null && !OWN.contains(knob.key())) {
        values.put(knob.key(), value);
      }
    }
    if (settings.model().quantize() == null && settings.to().equals(NF4)) {
      values.remove("double_quant"); // it applies to the form, not the base
    }
    values.putAll(more);
    return schema.of(values);
  }

  private MergeSettings merging(Path dense) {
    return shared(
        MergeSettings.class, Map.of("adapter", settings.adapter().toString(), "out", dense));
  }

  private ScoreSettings scoring(DataSettings data) {
    Map<String, Object> patterns = new LinkedHashMap<>();
    if (data.prompt() != null) {
      patterns.put("prompt", data.prompt());
    }
    if (data.completion() != null) {
      patterns.put("completion", data.completion());
    }
    return shared(ScoreSettings.class, patterns);
  }

  /// Holds the base in the types of the adapter's training, unless a flag or the folder sets them.
  private ScoreSettings held(ScoreSettings score) {
    ModelSettings model = score.model();
    ModelConfig config = ModelConfig.load(model.model());
    Identity identity = Identity.read(settings.adapter(), model.anyBase());
    return model.quantize() != null
            || identity == null
            || Quantization.resolve(ModelSettings.of(model.model()), config).any()
        ? score
        : Quantization.of(identity.format()).asking(score);
  }

  /// Loads the released form as a server does, independent of flags for the base.
  private static ScoreSettings asStored(ScoreSettings score, Path served) {
    return new ScoreSettings(
            score.model().held(null, null),
            null,
            score.registry(),
            score.data(),
            score.truncate(),
            score.show())
        .withModel(served);
  }

  private RowLosses losses(String what, ScoreSettings score, BooleanSupplier cancelled) {
    List<RowScore> rows = new ArrayList<>();
    Consumer<RowScore> told =
        row -> {
          StreamedLm.Cancelled.check(cancelled);
          rows.add(row);
        };
    Scoring.Summary summary = Scoring.score(score, machine, told, _ -> {}, warnings);
    StreamedLm.Cancelled.check(cancelled);
    if (summary.reward() != null) {
      throw new InputException(settings.adapter() + " is a reward model, which has no loss");
    }
    notes.accept("%s: loss %.4f over %,d tokens".formatted(what, summary.loss(), summary.tokens()));
    return new RowLosses(rows);
  }

  private static String name(Path folder) {
    return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
  }

  private Map<String, @Nullable Object> digests(DataSettings data, Path served) {
    Path model = settings.model().model();
    Path adapter = settings.adapter();
    Map<String, @Nullable Object> digests = new LinkedHashMap<>();
    digests.put("base", BaseDigest.of(model, machine.cache()));
    digests.put("adapter", Sha256.of(adapter.resolve("adapter_model.safetensors")));
    digests.put("adapter_config", Sha256.of(adapter.resolve("adapter_config.json")));
    digests.put("release", BaseDigest.of(served, machine.cache()));
    digests.put("tokenizer", Sha256.of(served.resolve("tokenizer.json")));
    digests.put("template", Sha256.of(served.resolve("chat_template.jinja")));
    digests.put("data", Splits.digest(data, new EvalSettings(null, null, null)));
    if (!settings.calibration().isEmpty()) {
      DataSettings rows = data.withFiles(settings.calibration());
      digests.put("calibration", Splits.digest(rows, new EvalSettings(null, null, null)));
    }
    return digests;
  }

  /// Moves the form's files into the folder itself, with the merge's `nudge.json` (its sources).
  ///
  /// @return digest and size of each file
  private static Map<String, Object> gather(Path folder, Path dense, Path served)
      throws IOException {
    Path from = Files.isDirectory(served) ? served : Objects.requireNonNull(served.getParent());
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(f -> !OutFolder.isOurs(f)).toList()) {
        OutFolder.move(file, folder.resolve(file.getFileName()));
      }
    }
    Path mark = dense.resolve(MARK);
    if (Files.exists(mark)) {
      OutFolder.move(mark, folder.resolve(MARK));
    }
    Map<String, Object> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) { // also folders of chat templates
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path name = folder.relativize(file);
        if (name.startsWith(DENSE) || name.startsWith(FORM) || OutFolder.isOurs(file)) {
          continue; // intermediate files
        }
        all.put(
            name.toString().replace(File.separatorChar, '/'),
            Map.of("sha256", Sha256.ofFile(file), "bytes", Files.size(file)));
      }
    }
    return all;
  }

  /// Returns the files of an earlier release in a folder; null: none, or only the report of a
  /// failed one.
  private static @Nullable List<String> released(Path out) {
    JsonNode report = Json.readOrMissing(out.resolve(REPORT));
    if (!report.path("nudge_release").isInt()
        || !report.path("verdict").asString("").equals(Verdict.PASS.word())) {
      return null;
    }
    List<String> files = new ArrayList<>(List.of(REPORT));
    for (String name : report.path("files").propertyNames()) {
      Path path = Path.of(name).normalize();
      if (path.equals(Path.of(name)) && !path.isAbsolute() && !path.startsWith("..")) {
        files.add(name);
      }
    }
    return files;
  }
}
