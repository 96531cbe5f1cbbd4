package dev.nudge.eval.run;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.eval.run.Answers.Asked;
import dev.nudge.eval.run.Answers.Encoded;
import dev.nudge.eval.task.Filters;
import dev.nudge.eval.task.Packs;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.Request;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskTree;
import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.generate.Session;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.EvaluateSettings;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Evaluates a model, and adapters on it, on tasks of lm-evaluation-harness.
///
/// All that a user can mend is found before the model is loaded: tasks, documents, metrics, filters
/// and prompts ([Rehearsal]). The weights are loaded once; every model answers the same tokens,
/// task
/// by task. Answers are kept in `--out` and are not asked for again, whatever else is asked there
/// later.
public final class Evaluation {
  /// The name of the base among the models.
  public static final String BASE = "base";

  /// The name of the model with `--adapter`.
  public static final String ADAPTER = "adapter";

  /// The name of the model with `--compare`.
  public static final String COMPARE = "compare";

  /// The files of an adapter that change what it says.
  public static final List<String> ADAPTER_FILES = PeftAdapter.FILES;

  /// The file of a folder of results that answers are kept in.
  public static final String ANSWERS = AnswerStore.FILE;

  private Evaluation() {}

  /// Is told what happens meanwhile; each method does nothing by itself.
  public interface Watcher {
    /// Takes how far answers have come.
    ///
    /// @param tokens that are done
    /// @param all that were to be done when it began
    /// @param task that is asked about
    /// @param model that is asked
    default void progress(long tokens, long all, String task, String model) {}

    /// Takes the tasks that will be asked about, before a model is loaded; what it throws ends the
    /// evaluation.
    default void tasks(List<TaskConfig> tasks) {}

    /// Takes what will be there, before a model is loaded; what it throws ends the evaluation.
    ///
    /// @param metrics of each task, and of each group that has numbers of its own, as `METRIC` and
    ///     as `METRIC,FILTER`
    /// @param groups the tasks of each group
    default void ready(Map<String, Set<String>> metrics, Map<String, List<String>> groups) {}

    /// Takes how far the judging of texts has come.
    ///
    /// @param verdicts that are there
    /// @param all that are wanted
    /// @param task whose answers are judged
    default void judging(long verdicts, long all, String task) {}

    /// Takes that the folder of the results is this evaluation's, and the model loaded.
    ///
    /// @param compute the type that is computed in
    default void begins(String compute) {}

    /// Takes a line on how it is done.
    default void note(String line) {}

    /// Takes a line on what may be wrong.
    default void warn(String line) {}
  }

  /// A task that is ready to be asked about.
  private record Ready(Task task, List<Metric> metrics, List<Sample> samples) {}

  /// The requests of a task as tokens, document by document.
  ///
  /// @param fromBase the texts of which is asked how far they are from the base; empty: of none
  private record Tokens(Ready ready, List<List<Encoded>> requests, List<Encoded> fromBase) {
    List<Encoded> all() {
      return requests.stream().flatMap(List::stream).toList();
    }
  }

  /// Evaluates, and writes into `settings.out()`.
  ///
  /// @throws InputException in one line, for whatever a user can mend
  /// @throws dev.nudge.settings.RunException where an interrupt left requests that are not
  /// answered;
  ///     those that are stay in the folder
  public static Outcome of(EvaluateSettings settings, Machine machine, Watcher watcher) {
    return of(settings, machine, StandardError.RESAMPLES, watcher);
  }

  static Outcome of(EvaluateSettings settings, Machine machine, int resamples, Watcher watcher) {
    return of(settings, machine, resamples, watcher, encoder -> encoder);
  }

  /// @param encoders what is made of the tokenizer, such as one that counts
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
    checkData(settings.dataDir());
    if (settings.adapter() != null && Packs.lacksRetention(tree)) {
      watcher.note(
          "what the adapter costs elsewhere is not asked; --tasks %s,retention asks it too"
              .formatted(String.join(",", settings.tasks())));
    }
    List<Ready> ready = new ArrayList<>();
    PromptStyle style = style(settings);
    for (TaskConfig task : tree.tasks().values()) {
      ready.add(ready(task, settings, style, watcher::warn));
    }
    ready.forEach(one -> Rehearsal.of(one.task(), one.metrics(), one.samples()));
    watcher.tasks(ready.stream().map(one -> one.task().config()).toList());
    RequestTokens encoder =
        new RequestTokens(
            tokenizer,
            Session.maxLength(settings.model(), config),
            encoders.apply(tokenizer::ids));
    List<Tokens> tokens = ready.stream().map(task -> tokens(task, encoder)).toList();
    checkOut(settings.out());
    Map<String, List<String>> groups = new LinkedHashMap<>();
    tree.groups().forEach((name, group) -> groups.put(name, group.tasks()));
    watcher.ready(metrics(ready, tree), groups);
    try (Claim held = Claim.of(settings.out());
        Session session =
            Session.load(settings.model(), settings.adapter(), tokenizer, machine, watcher::warn)) {
      Path compare = settings.compare();
      if (compare != null) {
        session.attach(COMPARE, compare);
      }
      OutFolder.make(settings.out());
      AnswerStore store = AnswerStore.open(settings.out().resolve(AnswerStore.FILE));
      watcher.begins(String.valueOf(session.backend().compute()));
      Run run =
          new Run(
              tokens,
              models(settings, machine, session),
              new Answers(session, store, settings.model().lanes()),
              watcher);
      List<Map<String, TaskScores>> scores = run.go(resamples);
      Outcome outcome = outcome(settings, tree, run, scores, start);
      write(settings, outcome, tokenizer, encoder);
      return outcome;
    }
  }

  private static Map<String, Set<String>> metrics(List<Ready> tasks, TaskTree tree) {
    Map<String, Set<String>> all = new LinkedHashMap<>();
    for (Ready one : tasks) {
      TaskConfig config = one.task().config();
      Set<String> own = new LinkedHashSet<>();
      for (Metric metric : one.metrics()) {
        own.add(metric.name());
        Filters.of(config).names().forEach(filter -> own.add(metric.name() + "," + filter));
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
    return TaskTree.of(index, settings.tasks());
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

  private static Ready ready(
      TaskConfig config, EvaluateSettings settings, PromptStyle style, Consumer<String> warnings) {
    TaskConfig shot = config.withFewshot(settings.numFewshot());
    Filters.of(shot);
    Task task = Task.load(shot, settings.dataDir());
    List<Metric> metrics = metrics(shot, task, settings, warnings);
    List<Sample> samples = task.samples(settings.limit(), style);
    boolean two = metrics.stream().anyMatch(m -> m.aggregation() == Aggregation.Kind.F1);
    if (two && samples.stream().anyMatch(sample -> sample.choices().size() > 2)) {
      throw new InputException(
          "%s: f1 is of two choices, and documents have more; take macro_f1, micro_f1 or weighted_f1"
              .formatted(config.place()));
    }
    String cluster = config.cluster();
    if (cluster != null && samples.stream().noneMatch(sample -> sample.doc().has(cluster))) {
      warnings.accept(
          "%s: metadata: cluster names the column %s, which no document has; each document stands for itself"
              .formatted(config.place(), cluster));
    }
    for (String column : config.subgroups()) {
      if (samples.stream().noneMatch(sample -> sample.doc().has(column))) {
        warnings.accept(
            "%s: metadata: subgroups names the column %s, which no document has; it is left out"
                .formatted(config.place(), column));
      }
    }
    return new Ready(task, metrics, samples);
  }

  /// The metrics of a task; none from the base where there is no adapter.
  private static List<Metric> metrics(
      TaskConfig config, Task task, EvaluateSettings settings, Consumer<String> warnings) {
    List<Metric> metrics =
        Metric.of(config.metrics(), config.type(), task.multipleTarget(), warnings);
    if (settings.adapter() != null || settings.compare() != null) {
      return metrics;
    }
    List<Metric> own = metrics.stream().filter(metric -> !metric.isFromBase()).toList();
    if (own.isEmpty()) {
      throw new InputException(
          "%s: %s is of an adapter beside its base, and it is the task's only metric; give --adapter"
              .formatted(config.place(), Metric.KL_FROM_BASE));
    }
    return own;
  }

  private static Tokens tokens(Ready ready, RequestTokens encoder) {
    List<List<Encoded>> all = new ArrayList<>();
    for (Sample sample : ready.samples()) {
      List<Encoded> own = new ArrayList<>();
      for (Request request : sample.requests()) {
        try {
          own.add(Answers.encoded(request, encoder));
        } catch (InputException | IllegalArgumentException e) {
          throw new InputException(
              "%s, document %s: %s"
                  .formatted(ready.task().config().place(), sample.id(), e.getMessage()),
              e);
        }
      }
      all.add(own);
    }
    boolean compared = ready.metrics().stream().anyMatch(Metric::isFromBase);
    List<Encoded> fromBase =
        compared ? all.stream().map(own -> Answers.fromBase(own.getFirst())).toList() : List.of();
    return new Tokens(ready, all, fromBase);
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

  /// An evaluation's folder is new, empty, or one of an evaluation.
  private static void checkOut(Path out) {
    OutFolder.checkPlace(out);
    if (!OutFolder.isFree(out) && !Files.exists(out.resolve(AnswerStore.FILE))) {
      throw new InputException(
          "--out %s holds something else than an evaluation; give another folder".formatted(out));
    }
  }

  private static List<Asked> models(EvaluateSettings settings, Machine machine, Session session) {
    String weights =
        BaseDigest.withConfig(settings.model().model(), machine.cache())
            + " "
            + settings.model().quantize()
            + " "
            + settings.model().doubleQuant()
            + " "
            + session.backend().compute();
    List<Asked> models = new ArrayList<>();
    models.add(new Asked(BASE, null, weights));
    Path adapter = settings.adapter();
    if (adapter != null) {
      models.add(new Asked(ADAPTER, Session.ADAPTER, weights + " " + digest(adapter)));
    }
    Path compare = settings.compare();
    if (compare != null) {
      models.add(new Asked(COMPARE, COMPARE, weights + " " + digest(compare)));
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

  /// The asking itself.
  private static final class Run {
    private final List<Tokens> tasks;
    private final List<Asked> models;
    private final Answers answers;
    private final Watcher watcher;
    private long all;
    private long done;
    private long asked;
    private long requests;

    Run(List<Tokens> tasks, List<Asked> models, Answers answers, Watcher watcher) {
      this.tasks = tasks;
      this.models = models;
      this.answers = answers;
      this.watcher = watcher;
      List<Encoded> everything = tasks.stream().flatMap(task -> task.all().stream()).toList();
      List<Encoded> more = new ArrayList<>(everything);
      tasks.forEach(task -> more.addAll(task.fromBase()));
      for (Asked model : models) {
        List<Encoded> own = model.adapter() == null ? everything : more;
        requests += own.stream().map(Encoded::digest).distinct().count();
        for (Encoded request : answers.missing(own, model).values()) {
          asked++;
          all += request.tokens();
        }
      }
    }

    /// Asks all models about all tasks.
    ///
    /// @return of each model the numbers of each task
    List<Map<String, TaskScores>> go(int resamples) {
      if (asked < requests) {
        watcher.note(
            String.format(
                Locale.ROOT,
                "%,d of %,d requests are answered already",
                requests - asked,
                requests));
      }
      List<Map<String, TaskScores>> scores = new ArrayList<>();
      models.forEach(model -> scores.add(new LinkedHashMap<>()));
      for (Tokens task : tasks) {
        String name = task.ready().task().config().name();
        for (int i = 0; i < models.size(); i++) {
          Asked model = models.get(i);
          IntConsumer told =
              tokens -> {
                done = Math.min(all, done + tokens);
                watcher.progress(done, all, name, model.name());
              };
          List<JsonNode> flat = answers.of(task.all(), model, told);
          List<JsonNode> fromBase = answers.fromBase(task.fromBase(), model, told);
          Ready ready = task.ready();
          scores
              .get(i)
              .put(
                  name,
                  TaskScores.of(
                      ready.task(),
                      ready.metrics(),
                      ready.samples(),
                      byDocument(task, flat),
                      fromBase,
                      resamples));
        }
      }
      return scores;
    }

    private static List<List<JsonNode>> byDocument(Tokens task, List<JsonNode> flat) {
      List<List<JsonNode>> byDocument = new ArrayList<>();
      int at = 0;
      for (List<Encoded> own : task.requests()) {
        byDocument.add(flat.subList(at, at + own.size()));
        at += own.size();
      }
      return byDocument;
    }
  }

  private static Outcome outcome(
      EvaluateSettings settings,
      TaskTree tree,
      Run run,
      List<Map<String, TaskScores>> scores,
      long start) {
    List<ModelResults> models = new ArrayList<>();
    Map<String, Map<String, List<Difference>>> differences = new LinkedHashMap<>();
    for (int i = 0; i < scores.size(); i++) {
      Map<String, TaskScores> tasks = scores.get(i);
      Map<String, GroupScores> groups = new LinkedHashMap<>();
      tree.groups().forEach((name, group) -> groups.put(name, GroupScores.of(group, tasks)));
      String name = run.models.get(i).name();
      Path adapter =
          name.equals(ADAPTER)
              ? settings.adapter()
              : name.equals(COMPARE) ? settings.compare() : null;
      models.add(
          new ModelResults(name, adapter == null ? null : adapter.toString(), tasks, groups));
      if (i > 0) { // the one that is compared stands behind the adapter, where there is one
        differences.put(name, Difference.between(models.get(i - 1), models.get(i)));
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Pace pace = run.answers.pace(settings.adapter() == null ? BASE : ADAPTER);
    return new Outcome(List.copyOf(models), differences, run.asked, run.requests, seconds, pace);
  }

  private static void write(
      EvaluateSettings settings, Outcome outcome, Tokenizer tokenizer, RequestTokens encoder) {
    Set<String> stale = new LinkedHashSet<>(List.of(BASE, COMPARE)); // of an earlier call
    for (ModelResults model : outcome.models()) {
      boolean main = model.name().equals(outcome.main().name());
      Map<String, @Nullable Object> more = about(settings, model, tokenizer, encoder);
      more.put("total_evaluation_time_seconds", String.valueOf(outcome.seconds()));
      if (main && outcome.pace().requests() > 0) {
        more.put("pace", pace(outcome.pace()));
      }
      if (main && !outcome.differences().isEmpty()) {
        more.put("differences", Outcome.shown(outcome.differences()));
      }
      Path folder = main ? settings.out() : settings.out().resolve(model.name());
      ResultFiles.write(folder, model, more);
      if (!main) {
        stale.remove(model.name());
      }
    }
    stale.forEach(name -> ResultFiles.remove(settings.out().resolve(name)));
  }

  private static Map<String, @Nullable Object> pace(Pace pace) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("requests", pace.requests());
    all.put("seconds", pace.seconds());
    all.put("seconds_per_request", Json.finite(pace.secondsPerRequest()));
    all.put("generated_tokens", pace.tokens());
    all.put("tokens_per_second", Json.finite(pace.tokensPerSecond()));
    return all;
  }

  private static Map<String, @Nullable Object> about(
      EvaluateSettings settings, ModelResults model, Tokenizer tokenizer, RequestTokens encoder) {
    Map<String, @Nullable Object> config = new LinkedHashMap<>();
    config.put("model", "nudge");
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    arguments.put("pretrained", settings.model().model().toString());
    if (model.adapter() != null) {
      arguments.put("peft", model.adapter());
    }
    config.put("model_args", arguments);
    config.put("limit", settings.limit());
    config.put("bootstrap_iters", StandardError.RESAMPLES);
    config.put("fewshot_seed", 1234);
    Map<String, @Nullable Object> more = new LinkedHashMap<>();
    more.put("config", config);
    more.put("model_source", "nudge");
    more.put("model_name", settings.model().model().toString());
    more.put("system_instruction", settings.systemInstruction());
    Boolean turns = settings.fewshotAsMultiturn();
    more.put("fewshot_as_multiturn", turns == null || turns);
    if (settings.applyChatTemplate()) {
      String template =
          ChatTemplate.load(settings.model().model(), settings.adapter(), settings.template())
              .text();
      more.put("chat_template", template);
      more.put("chat_template_sha", ResultFiles.hash(template));
    }
    more.put("max_length", encoder.maxLength());
    more.put("tokenizer_digest", tokenizer.digest());
    return more;
  }
}
