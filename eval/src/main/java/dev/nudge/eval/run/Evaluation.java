package dev.nudge.eval.run;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.eval.run.Answers.EvaluatedModel;
import dev.nudge.eval.run.TaskRunner.Tokens;
import dev.nudge.eval.task.AnswerFilters;
import dev.nudge.eval.task.Packs;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.eval.task.TaskTree;
import dev.nudge.format.Claim;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.generate.Session;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Evaluates a base model, and adapters on it, on lm-evaluation-harness tasks.
///
/// User errors in tasks, documents, metrics, filters and prompts are found before the model is
/// loaded ([ReadyTask]). Weights are loaded once; every model answers the same tokens, task by
/// task ([TaskRunner]). Answers are cached in `--out` and reused by later evaluations there.
public final class Evaluation {
  /// Result name of the base model.
  public static final String BASE = "base";

  /// Result name of the model with `--adapter`.
  public static final String ADAPTER = "adapter";

  /// Result name of the model with `--compare`.
  public static final String COMPARE = "compare";

  /// The adapter files that affect the output.
  public static final List<String> ADAPTER_FILES = PeftAdapter.FILES;

  /// File name of the answer cache in the output folder.
  public static final String ANSWERS = AnswerStore.FILE;

  private Evaluation() {}

  /// Listener of an evaluation; every method does nothing by default.
  public interface Watcher {
    /// Reports inference progress.
    ///
    /// @param tokens tokens processed so far
    /// @param all tokens to process, cached answers excluded
    /// @param task current task
    /// @param model current model
    default void progress(long tokens, long all, String task, String model) {}

    /// Reports the tasks before a model is loaded; an exception ends the evaluation.
    default void tasks(List<TaskConfig> tasks) {}

    /// Reports the metrics to come before a model is loaded; an exception ends the evaluation.
    ///
    /// @param metrics metrics of each task, and of each group with its own metrics, as `METRIC` and
    ///     `METRIC,FILTER`
    /// @param groups the tasks of each group
    default void ready(Map<String, Set<String>> metrics, Map<String, List<String>> groups) {}

    /// Reports the progress of the LLM judge.
    ///
    /// @param verdicts number of verdicts so far
    /// @param all verdicts needed
    /// @param task whose answers are judged
    default void judging(long verdicts, long all, String task) {}

    /// Reports that the output folder is claimed and the model loaded.
    ///
    /// @param compute numeric type of the computation
    default void begins(String compute) {}

    /// Reports an informational line.
    default void note(String line) {}

    /// Reports a warning.
    default void warn(String line) {}
  }

  /// Runs the evaluation and writes results into `settings.out()`.
  ///
  /// @throws InputException in one line, for any user error
  /// @throws dev.nudge.settings.RunException if an interrupt left requests unanswered; finished
  ///     answers stay cached
  public static Outcome of(EvaluateSettings settings, Machine machine, Watcher watcher) {
    return of(settings, machine, Aggregation.RESAMPLES, watcher);
  }

  static Outcome of(EvaluateSettings settings, Machine machine, int resamples, Watcher watcher) {
    return of(settings, machine, resamples, watcher, encoder -> encoder);
  }

  /// @param encoders wraps the tokenizer, for example with one that counts
  static Outcome of(
      EvaluateSettings settings,
      Machine machine,
      int resamples,
      Watcher watcher,
      UnaryOperator<RequestTokens.Encoder> encoders) {
    long start = System.nanoTime();
    Path folder = settings.model().model();
    ModelConfig config = ModelConfig.load(folder);
    Tokenizer tokenizer = Session.tokenizer(folder, settings.adapter(), machine);
    TaskTree tree = tree(settings, machine);
    if (settings.adapter() != null && Packs.lacksRetention(tree)) {
      watcher.note(
          "forgetting is not measured; --tasks %s,retention measures it"
              .formatted(String.join(",", settings.tasks())));
    }
    List<ReadyTask> ready = ready(tree, settings, watcher);
    warnOfForm(ready, settings, watcher);
    watcher.tasks(ready.stream().map(one -> one.task().config()).toList());
    RequestTokens encoder =
        new RequestTokens(
            tokenizer, Session.maxLength(settings.model(), config), encoders.apply(tokenizer::ids));
    List<Tokens> tokens = ready.stream().map(task -> Tokens.of(task, encoder)).toList();
    checkOut(settings.out());
    Map<String, List<String>> groups = new LinkedHashMap<>();
    tree.groups().forEach((name, group) -> groups.put(name, group.tasks()));
    watcher.ready(metrics(ready, tree), groups);
    try (Claim held = Claim.of(settings.out());
        Session session =
            Session.load(
                settings.model(), settings.adapter(), tokenizer, null, machine, watcher::warn)) {
      Path compare = settings.compare();
      if (compare != null) {
        session.attach(COMPARE, compare);
      }
      OutFolder.make(settings.out());
      AnswerStore store = AnswerStore.open(settings.out().resolve(AnswerStore.FILE));
      watcher.begins(String.valueOf(session.backend().compute()));
      TaskRunner asking =
          new TaskRunner(
              tokens,
              models(settings, machine, session),
              new Answers(session, store, settings.model().lanes()),
              watcher);
      List<Map<String, TaskScores>> scores = asking.go(resamples);
      Outcome outcome = outcome(settings, tree, asking, scores, start);
      ResultFiles.write(settings, outcome, tokenizer, encoder);
      return outcome;
    }
  }

  /// Checks tasks, documents and prompts as an evaluation does before it loads the model.
  ///
  /// @return the metrics of each task
  /// @throws InputException in one line, for any user error in them
  public static Map<String, List<Metric>> metrics(
      EvaluateSettings settings, Machine machine, Watcher watcher) {
    Map<String, List<Metric>> metrics = new LinkedHashMap<>();
    for (ReadyTask one : ready(tree(settings, machine), settings, watcher)) {
      metrics.put(one.task().config().name(), one.metrics());
    }
    return metrics;
  }

  private static List<ReadyTask> ready(TaskTree tree, EvaluateSettings settings, Watcher watcher) {
    checkData(settings.dataDir());
    List<ReadyTask> ready = new ArrayList<>();
    PromptStyle style = style(settings);
    for (TaskConfig task : tree.tasks().values()) {
      ready.add(ReadyTask.of(task, settings, style, watcher::warn));
    }
    ready.forEach(ReadyTask::dryRun);
    return ready;
  }

  private static void warnOfForm(
      List<ReadyTask> tasks, EvaluateSettings settings, Watcher watcher) {
    List<String> prompts =
        tasks.stream()
            .flatMap(task -> task.samples().stream().limit(1))
            .flatMap(sample -> sample.requests().stream().limit(1))
            .filter(request -> !(request instanceof TaskRequest.Rolling)) // has no prompt
            .map(TaskRequest::first)
            .toList();
    for (Path adapter : Arrays.asList(settings.adapter(), settings.compare())) {
      AdapterPatterns.checkTasks(
          settings.applyChatTemplate(),
          prompts,
          adapter,
          settings.model().anyBase(),
          watcher::warn);
    }
  }

  private static Map<String, Set<String>> metrics(List<ReadyTask> tasks, TaskTree tree) {
    Map<String, Set<String>> all = new LinkedHashMap<>();
    for (ReadyTask one : tasks) {
      TaskConfig config = one.task().config();
      Set<String> own = new LinkedHashSet<>();
      for (Metric metric : one.metrics()) {
        own.add(metric.name());
        AnswerFilters.of(config).names().forEach(filter -> own.add(metric.name() + "," + filter));
      }
      all.put(config.name(), own);
    }
    Map<String, Set<String>> ofTasks = Map.copyOf(all);
    tree.groups()
        .forEach(
            (name, group) -> {
              Set<String> own = GroupScores.keys(group, ofTasks);
              if (!own.isEmpty() && !all.containsKey(name)) {
                all.put(name, own);
              }
            });
    return all;
  }

  private static TaskTree tree(EvaluateSettings settings, Machine machine) {
    List<Path> folders = new ArrayList<>();
    folders.add(Packs.folder(machine.cache()));
    settings.tasksDir().forEach(folder -> folders.add(Path.of(folder)));
    TaskIndex index = TaskIndex.of(folders);
    return TaskTree.of(index, settings.tasks(), !settings.tasksDir().isEmpty());
  }

  private static PromptStyle style(EvaluateSettings settings) {
    PromptStyle.Chat chat =
        settings.applyChatTemplate()
            ? new HarnessChat(
                ChatTemplate.load(
                    settings.model().model(), settings.adapter(), settings.template()))
            : null;
    Boolean turns = settings.fewshotAsMultiturn();
    return new PromptStyle(settings.systemInstruction(), chat, turns == null || turns);
  }

  private static void checkData(@Nullable Path folder) {
    if (folder != null && Files.notExists(folder)) {
      throw new InputException("--data-dir is %s; there is no such folder".formatted(folder));
    }
    if (folder != null && !Files.isDirectory(folder)) {
      throw new InputException(
          "--data-dir is %s, a file; it must be a folder of documents".formatted(folder));
    }
  }

  /// Accepts a new or empty output folder, or one of an earlier evaluation.
  private static void checkOut(Path out) {
    OutFolder.checkPlace(out);
    if (!OutFolder.isFree(out) && !Files.exists(out.resolve(AnswerStore.FILE))) {
      throw new InputException(
          "--out %s holds something else than an evaluation; give another folder".formatted(out));
    }
  }

  private static List<EvaluatedModel> models(
      EvaluateSettings settings, Machine machine, Session session) {
    String weights =
        BaseDigest.withConfig(settings.model().model(), machine.cache())
            + " "
            + settings.model().quantize()
            + " "
            + settings.model().doubleQuant()
            + " "
            + session.backend().compute();
    List<EvaluatedModel> models = new ArrayList<>();
    models.add(new EvaluatedModel(BASE, null, weights));
    Path adapter = settings.adapter();
    if (adapter != null) {
      models.add(new EvaluatedModel(ADAPTER, Session.ADAPTER, weights + " " + digest(adapter)));
    }
    Path compare = settings.compare();
    if (compare != null) {
      models.add(new EvaluatedModel(COMPARE, COMPARE, weights + " " + digest(compare)));
    }
    return models;
  }

  private static String digest(Path adapter) {
    try (PeftAdapter peft = PeftAdapter.open(adapter)) {
      StringBuilder all = new StringBuilder();
      for (String file : ADAPTER_FILES) {
        all.append(Sha256.of(peft.folder().resolve(file))).append(' ');
      }
      return Sha256.of(all.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  private static Outcome outcome(
      EvaluateSettings settings,
      TaskTree tree,
      TaskRunner asking,
      List<Map<String, TaskScores>> scores,
      long start) {
    List<ModelResults> models = new ArrayList<>();
    Map<String, Map<String, List<Difference>>> differences = new LinkedHashMap<>();
    for (int i = 0; i < scores.size(); i++) {
      Map<String, TaskScores> tasks = scores.get(i);
      Map<String, GroupScores> groups = new LinkedHashMap<>();
      tree.groups().forEach((name, group) -> groups.put(name, GroupScores.of(group, tasks)));
      String name = asking.name(i);
      Path adapter =
          name.equals(ADAPTER)
              ? settings.adapter()
              : name.equals(COMPARE) ? settings.compare() : null;
      models.add(
          new ModelResults(name, adapter == null ? null : adapter.toString(), tasks, groups));
      if (i > 0) { // `--compare` comes after the adapter, if there is one
        differences.put(name, Difference.between(models.get(i - 1), models.get(i)));
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Pace pace = asking.pace(settings.adapter() == null ? BASE : ADAPTER);
    return new Outcome(
        List.copyOf(models), differences, asking.asked(), asking.requests(), seconds, pace);
  }
}
