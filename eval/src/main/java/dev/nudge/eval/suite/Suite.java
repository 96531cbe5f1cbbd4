package dev.nudge.eval.suite;

import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.Gate;
import dev.nudge.eval.gate.GateFiles;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.Policy;
import dev.nudge.eval.gate.PolicyFile;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.Judging;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.report.Reliability;
import dev.nudge.eval.report.ReportData;
import dev.nudge.eval.report.ReportFiles;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.task.Task;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Named;
import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Warnings;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.ModelSettings;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Evaluates, scans for leaks, judges and reports, in one call.
///
/// The output folder gets `report.html` and `report.md`, with a policy also `gate.json` and
/// `gate.xml`. An unreadable policy or training set is refused before a model is loaded.
public final class Suite {
  private Suite() {}

  /// The result of an evaluation.
  ///
  /// @param leaks leak scan of each task's documents, by task; empty: no scan
  /// @param gate verdict of the policy; null: none
  /// @param judge results of the LLM judge; null: none
  public record Judged(
      Outcome outcome,
      Map<String, LeakReport> leaks,
      @Nullable JudgeResult judge,
      @Nullable GateResult gate) {

    /// Returns the results as in `--json`: those of the outcome, `calibration` of the main model on
    /// multiple-choice tasks (expected calibration error, ten bins of equal width), and `leaks`.
    public Map<String, Object> summary() {
      Map<String, Object> summary = new LinkedHashMap<>(outcome.summary());
      Map<String, Object> calibration = new LinkedHashMap<>();
      outcome
          .main()
          .tasks()
          .forEach(
              (name, task) -> {
                Reliability reliability = Reliability.of(task);
                if (reliability != null) {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put("ece", reliability.ece());
                  one.put("documents", reliability.documents());
                  calibration.put(name, one);
                }
              });
      if (!calibration.isEmpty()) {
        summary.put("calibration", calibration);
      }
      if (!leaks.isEmpty()) {
        Map<String, Object> found = new LinkedHashMap<>();
        leaks.forEach((task, report) -> found.put(task, report.summary()));
        summary.put("leaks", found);
      }
      return summary;
    }
  }

  /// Evaluates as [#evaluate(EvaluateSettings, Machine, Consumer)] does. Warnings are logged
  /// ([Warnings]).
  public static Judged evaluate(EvaluateSettings settings, Machine machine) {
    return evaluate(settings, machine, Warnings.logged());
  }

  /// Evaluates a model, and adapters on it, applies a policy if one is set, and writes results and
  /// report into `settings.out()`. Adapters may be names in a registry.
  ///
  ///     Suite.evaluate(settings, Machine.here(), System.err::println).gate()
  ///
  /// @param warnings receives one line each
  /// @throws InputException in one line, for any user error
  public static Judged evaluate(
      EvaluateSettings settings, Machine machine, Consumer<String> warnings) {
    return run(
        Named.in(settings),
        machine,
        new Evaluation.Watcher() {
          @Override
          public void warn(String line) {
            warnings.accept(line);
          }
        });
  }

  /// Evaluates settings whose adapters are resolved to folders.
  ///
  /// @throws InputException in one line, for any user error
  public static Judged run(EvaluateSettings settings, Machine machine, Evaluation.Watcher watcher) {
    Path file = settings.policy();
    Policy policy = file == null ? null : PolicyFile.read(file);
    if (policy != null && policy.asksJudge() && settings.judging().judge() == null) {
      throw new InputException(
          "%s: judge asks for a win rate; give --judge, or leave it out".formatted(policy.place()));
    }
    if (policy != null && policy.asksLeaks() && settings.trainData().isEmpty()) {
      throw new InputException(
          "%s: leakage asks what stands in the training set; give --train-data, or leave it out"
              .formatted(policy.place()));
    }
    TrainingTexts training = TrainingTexts.of(settings.trainData());
    Judging judging = Judging.of(settings, machine, watcher::warn);
    Beginning beginning = new Beginning(settings, policy, judging, watcher);
    Outcome outcome = Evaluation.of(settings, machine, beginning);
    Map<String, LeakReport> leaks =
        training.isEmpty() ? Map.of() : training.look(outcome.main(), watcher::warn);
    Map<String, String> shown = shown(settings, beginning.compute(), training);
    JudgeResult judge = null;
    NudgeException unjudged = null;
    try {
      judge = judging == null ? null : judging.run(outcome, watcher);
    } catch (NudgeException e) {
      unjudged = e; // thrown after all else is written
    }
    Instant now = Instant.now();
    GateResult gate = null;
    if (policy != null) {
      Gate.Evidence evidence = new Gate.Evidence(outcome, leaks, judge);
      Map<String, String> changing = new TreeMap<>(shown);
      if (judge != null && policy.asksJudge()) {
        changing.put("judge", judge.identity());
      }
      gate =
          Gate.judge(
              policy,
              evidence,
              digests(settings, machine, outcome, policy, beginning, changing),
              now);
      GateFiles.write(settings.out(), gate);
    }
    ReportFiles.write(
        settings.out(), data(settings, outcome, leaks, gate, shown, now).withJudge(judge));
    if (unjudged != null) {
      throw unjudged;
    }
    return new Judged(outcome, leaks, judge, gate);
  }

  private static ReportData data(
      EvaluateSettings settings,
      Outcome outcome,
      Map<String, LeakReport> leaks,
      @Nullable GateResult gate,
      Map<String, String> shown,
      Instant at) {
    Path model = settings.model().model().toAbsolutePath().normalize();
    ReportData data =
        ReportData.of(HubName.last(model), outcome, at).withLeaks(leaks).withSettings(shown);
    return gate == null ? data : data.withGate(gate);
  }

  /// Returns the settings that change numbers, for the report and the verdict's digests.
  private static Map<String, String> shown(
      EvaluateSettings settings, String compute, TrainingTexts training) {
    Map<String, String> shown = new LinkedHashMap<>();
    ModelSettings model = settings.model();
    put(shown, "quantize", model.quantize());
    put(shown, "double_quant", model.doubleQuant());
    shown.put("compute", compute.toLowerCase(Locale.ROOT));
    put(shown, "max_length", model.maxLength());
    put(shown, "limit", settings.limit());
    put(shown, "num_fewshot", settings.numFewshot());
    put(shown, "apply_chat_template", settings.applyChatTemplate());
    put(shown, "fewshot_as_multiturn", settings.fewshotAsMultiturn());
    put(shown, "system_instruction", settings.systemInstruction());
    if (!training.isEmpty()) {
      shown.put("train_data", training.digest());
    }
    return shown;
  }

  private static void put(Map<String, String> shown, String key, @Nullable Object value) {
    if (value != null) {
      String text = value.toString();
      shown.put(key, value instanceof Enum<?> ? text.toLowerCase(Locale.ROOT) : text);
    }
  }

  private static Digests digests(
      EvaluateSettings settings,
      Machine machine,
      Outcome outcome,
      Policy policy,
      Beginning beginning,
      Map<String, String> shown) {
    Beginning.Files files = beginning.files();
    if (!files.equals(Beginning.Files.of(settings))) {
      throw new RunException(
          "the adapter, the tokenizer or the template was written into while it was evaluated;"
              + " evaluate again, in another --out");
    }
    Map<String, String> all = new TreeMap<>(shown);
    all.put("config", BaseDigest.ofConfig(settings.model().model()));
    return new Digests(
        BaseDigest.of(settings.model().model(), machine.cache()),
        files.adapter(),
        files.tokenizer(),
        files.template(),
        Digests.tasks(outcome.main()),
        Digests.data(outcome.main()),
        Task.SHOTS_SEED,
        all,
        policy.digest());
  }
}
