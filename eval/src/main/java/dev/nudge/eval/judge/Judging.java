package dev.nudge.eval.judge;

import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Scored;
import dev.nudge.eval.task.OutputType;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.format.Claim;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.JudgeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.text.jinja.PythonValues;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Runs a judge over an evaluation: each model's texts against those of the model before it, on
/// every task that generates text; and the human-labelled pairs.
///
/// Created before any model is loaded, so that wrong settings fail early. A local judge is loaded
/// after the evaluated models are freed.
public final class Judging {
  private final EvaluateSettings settings;
  private final Machine machine;
  private final String name;
  private final Rubric rubric;
  private final @Nullable Labels labels;
  private final @Nullable String key;

  private Judging(
      EvaluateSettings settings,
      Machine machine,
      String name,
      Rubric rubric,
      @Nullable Labels labels,
      @Nullable String key) {
    this.settings = settings;
    this.machine = machine;
    this.name = name;
    this.rubric = rubric;
    this.labels = labels;
    this.key = key;
  }

  /// Reads the judge settings of an evaluation.
  ///
  /// @param warnings receives one line each
  /// @return null if no judge is set
  /// @throws InputException in one line, if a file cannot be read or the model cannot judge
  public static @Nullable Judging of(
      EvaluateSettings settings, Machine machine, Consumer<String> warnings) {
    JudgeSettings judging = settings.judging();
    String name = judging.judge();
    if (name == null) {
      return null;
    }
    Path prompt = judging.judgePrompt();
    Rubric rubric = prompt == null ? Rubric.standard() : Rubric.read(prompt);
    Path file = judging.judgeLabels();
    if (file != null && JudgeFiles.writes(settings.out(), file)) {
      throw new InputException(
          "--judge-labels %s is a file that a judgement writes into --out; give another, or another --out"
              .formatted(file));
    }
    Labels labels = file == null ? null : Labels.read(file, rubric.wantsReference());
    Path keyFile = judging.judgeKeyFile();
    String key = keyFile == null ? null : UrlJudge.key(keyFile);
    if (judging.isUrl()) {
      UrlJudge.check(name);
      if (key != null && UrlJudge.isOpen(name)) {
        warnings.accept("--judge is no https:// address, so its key can be read on the way there");
      }
    } else {
      Path folder = folder(name);
      LocalJudge.check(folder, machine);
      if (OutFolder.same(folder, settings.model().model())) {
        warnings.accept(
            "--judge is the model that is judged, and models like what they would say themselves");
      }
    }
    return new Judging(settings, machine, name, rubric, labels, key);
  }

  private static Path folder(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new InputException(
          "--judge is '%s'; it must be a model folder or a URL".formatted(name));
    }
  }

  /// Checks that there are texts to judge.
  ///
  /// @throws InputException if no task generates text and there are no labelled pairs
  public void check(List<TaskConfig> tasks) {
    if (labels == null && tasks.stream().noneMatch(Judging::makesTexts)) {
      throw new InputException(
          "--judge compares texts, and no task of --tasks makes any (output_type generate_until);"
              + " name one that does");
    }
  }

  /// Whether a task generates text.
  public static boolean makesTexts(TaskConfig task) {
    return task.type() == OutputType.GENERATE_UNTIL;
  }

  /// The pairs of two models on one task.
  private record Match(String task, String first, String second, List<Contest> contests) {}

  /// Judges all pairs and writes the results into the output folder.
  ///
  /// @throws RunException if the judge cannot be reached; earlier replies are kept
  public JudgeResult run(Outcome outcome, Evaluation.Watcher watcher) {
    List<Match> matches = matches(outcome);
    Path out = settings.out();
    try (Claim held = Claim.of(out);
        Judge judge = judge(watcher)) {
      BothOrders asking = BothOrders.of(judge, out);
      List<Contest> labelled = labels == null ? List.of() : labels.contests();
      List<Contest> everything = new ArrayList<>(labelled);
      matches.forEach(match -> everything.addAll(match.contests()));
      long all = asking.wanted(everything);
      long known = asking.known(everything);
      if (known > 0) {
        watcher.note(
            String.format(Locale.ROOT, "%,d of %,d verdicts are there already", known, all));
      }
      long[] done = {known};
      List<JudgeResult.Compared> compared = new ArrayList<>();
      List<Judged> people =
          asking.judge(labelled, () -> watcher.judging(++done[0], all, "labelled pairs"));
      for (Match match : matches) {
        List<Judged> judged =
            asking.judge(match.contests(), () -> watcher.judging(++done[0], all, match.task()));
        compared.add(
            new JudgeResult.Compared(
                match.task(), match.first(), match.second(), WinRate.of(judged), judged));
      }
      JudgeResult result = result(judge.identity(), compared, people);
      JudgeFiles.write(out, result);
      return result;
    } catch (RunException e) {
      throw new RunException(
          e.getMessage()
              + "; answers and verdicts are kept in %s, and the same command goes on from there"
                  .formatted(out),
          e);
    }
  }

  private Judge judge(Evaluation.Watcher watcher) {
    if (settings.judging().isUrl()) {
      String model = Objects.requireNonNull(settings.judging().judgeModel());
      return UrlJudge.at(name, model, key, rubric);
    }
    ModelSettings own = settings.model();
    ModelSettings judge =
        new ModelSettings(
            folder(name), null, null, own.compute(), own.lanes(), own.threads(), null, false);
    return LocalJudge.load(judge, rubric, machine, watcher::warn);
  }

  private JudgeResult result(
      String identity, List<JudgeResult.Compared> compared, List<Judged> people) {
    List<Agreement.Labelled> labelled = new ArrayList<>();
    for (int i = 0; i < people.size(); i++) {
      labelled.add(
          new Agreement.Labelled(Objects.requireNonNull(labels).labels().get(i), people.get(i)));
    }
    return new JudgeResult(
        name,
        settings.judging().judgeModel(),
        digest(rubric.text()),
        digest(identity),
        compared,
        labelled,
        labels == null ? null : Agreement.of(labelled));
  }

  private static String digest(String text) {
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
  }

  private List<Match> matches(Outcome outcome) {
    List<Match> all = new ArrayList<>();
    List<ModelResults> models = outcome.models();
    for (int i = 1; i < models.size(); i++) {
      ModelResults first = models.get(i - 1);
      ModelResults second = models.get(i);
      second
          .tasks()
          .forEach(
              (task, scores) -> {
                if (makesTexts(scores.task().config())) {
                  List<Contest> contests =
                      contests(Objects.requireNonNull(first.tasks().get(task)), scores);
                  all.add(new Match(task, first.name(), second.name(), contests));
                }
              });
    }
    return all;
  }

  private List<Contest> contests(TaskScores first, TaskScores second) {
    List<Contest> contests = new ArrayList<>();
    String filter = second.samples().getFirst().filter(); // by one filter: each document once
    for (int i = 0; i < second.samples().size(); i++) {
      Scored one = second.samples().get(i);
      if (one.filter().equals(filter)) {
        JsonNode doc = one.sample().doc();
        JsonNode cluster = second.task().config().cluster(doc);
        contests.add(
            new Contest(
                String.valueOf(one.sample().id()),
                second.task().question(doc),
                text(first.samples().get(i)),
                text(one),
                rubric.wantsReference() ? PythonValues.str(one.sample().target()) : null,
                cluster == null ? null : cluster.toString()));
      }
    }
    return contests;
  }

  /// Returns the raw generated text, before any filter.
  private static String text(Scored scored) {
    return scored.answers().getFirst().path(0).asString("").strip();
  }
}
