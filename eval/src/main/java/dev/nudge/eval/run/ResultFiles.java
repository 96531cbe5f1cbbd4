package dev.nudge.eval.run;

import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskGroup;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.python.PythonJson;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.text.jinja.PythonValues;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Writes results in the format of lm-evaluation-harness: `results.json`, with the settings, and
/// `samples_TASK.jsonl`.
public final class ResultFiles {
  static final String RESULTS = "results.json";
  private static final String NOT_KNOWN = "N/A"; // the harness's value
  private static final Object MIXED = new Object();

  private ResultFiles() {}

  /// Writes the metrics and documents of a model into a folder.
  ///
  /// @param more additional keys of `results.json`, such as `config`
  static void write(Path folder, ModelResults model, Map<String, @Nullable Object> more) {
    OutFolder.make(folder);
    removeSamples(folder);
    Map<String, @Nullable Object> hashes = new LinkedHashMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> hashes.put(name, samples(folder.resolve(samplesName(name)), task)));
    Map<String, @Nullable Object> all = results(model);
    all.putAll(more);
    all.put("task_hashes", hashes);
    OutFolder.place(folder.resolve(RESULTS), Json.indented(all) + "\n");
  }

  /// File name of a task's documents.
  public static String samplesName(String task) {
    return "samples_" + plain(task) + ".jsonl";
  }

  /// Replaces the characters of a task name that file names cannot contain.
  public static String plain(String task) {
    return task.replaceAll("[/\\\\:*?\"<>|]", "_");
  }

  /// Removes the result files that an earlier evaluation wrote into a folder.
  static void remove(Path folder) {
    if (Files.isDirectory(folder)) {
      removeSamples(folder);
      try {
        Files.deleteIfExists(folder.resolve(RESULTS));
      } catch (IOException e) {
        throw OutFolder.failure(folder, e);
      }
    }
  }

  private static void removeSamples(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (file.getFileName().toString().matches("samples_.*\\.jsonl")) {
          OutFolder.delete(file);
        }
      }
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  private static Map<String, @Nullable Object> results(ModelResults model) {
    Map<String, @Nullable Object> results = new LinkedHashMap<>();
    Map<String, @Nullable Object> configs = new TreeMap<>();
    Map<String, @Nullable Object> versions = new TreeMap<>();
    Map<String, @Nullable Object> shots = new TreeMap<>();
    Map<String, @Nullable Object> higher = new TreeMap<>();
    Map<String, @Nullable Object> counts = new LinkedHashMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> {
              var config = task.task().config();
              results.put(name, numbers(name, task));
              configs.put(name, config.written());
              versions.put(name, config.version() == null ? "Yaml" : config.version());
              shots.put(name, config.numFewshot() == null ? 0 : config.numFewshot());
              Map<String, @Nullable Object> directions = new LinkedHashMap<>();
              task.metrics().forEach(m -> directions.put(m.name(), m.higherIsBetter()));
              higher.put(name, directions);
              counts.put(
                  name, Map.of("original", task.task().size(), "effective", task.sampleLength()));
            });
    Map<String, @Nullable Object> groups = new LinkedHashMap<>();
    Map<String, @Nullable Object> children = new LinkedHashMap<>();
    model
        .groups()
        .forEach(
            (name, group) -> {
              Map<String, @Nullable Object> own = numbers(group);
              results.put(name, own);
              if (group.group().aggregates() != null) {
                groups.put(name, own);
              }
              TaskGroup of = group.group();
              children.put(name, of.children());
              shots(of, shots);
              directions(of, higher);
              versions.put(name, of.version() == null ? NOT_KNOWN : String.valueOf(of.version()));
            });
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("results", results);
    if (!groups.isEmpty()) {
      all.put("groups", groups);
    }
    all.put("group_subtasks", children);
    all.put("configs", configs);
    all.put("versions", versions);
    all.put("n-shot", shots);
    all.put("higher_is_better", higher);
    all.put("n-samples", counts);
    return all;
  }

  /// Adds a group's number of shots, if all its members agree.
  private static void shots(TaskGroup group, Map<String, @Nullable Object> shots) {
    Set<@Nullable Object> all = new HashSet<>();
    group.children().stream().filter(shots::containsKey).forEach(c -> all.add(shots.get(c)));
    if (all.size() == 1) {
      shots.put(group.name(), all.iterator().next());
    }
  }

  /// Adds a group's metric directions; null if its members disagree.
  private static void directions(TaskGroup group, Map<String, @Nullable Object> higher) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    for (String child : group.children()) {
      if (higher.get(child) instanceof Map<?, ?> own) {
        own.forEach(
            (metric, direction) ->
                all.merge(
                    String.valueOf(metric),
                    Objects.requireNonNullElse(direction, MIXED),
                    (a, b) -> a.equals(b) ? a : MIXED));
      }
    }
    all.replaceAll((metric, direction) -> MIXED.equals(direction) ? null : direction);
    if (!all.isEmpty()) {
      higher.put(group.name(), all);
    }
  }

  private static Map<String, @Nullable Object> numbers(String name, TaskScores task) {
    Map<String, @Nullable Object> own = new LinkedHashMap<>();
    own.put("name", name);
    own.put("alias", task.task().config().alias());
    own.put("sample_len", task.sampleLength());
    task.scores()
        .values()
        .forEach(
            score -> {
              own.put(score.key(), number(score.value()));
              own.put(score.stderrKey(), number(score.stderr()));
            });
    return own;
  }

  private static Map<String, @Nullable Object> numbers(GroupScores group) {
    Map<String, @Nullable Object> own = new LinkedHashMap<>();
    own.put("alias", group.group().alias());
    own.put("name", group.group().name());
    if (group.group().aggregates() == null) {
      return own;
    }
    own.put("sample_len", group.sampleLength());
    Map<String, @Nullable Object> counts = new LinkedHashMap<>();
    group
        .scores()
        .forEach(
            (key, score) -> {
              int comma = key.lastIndexOf(',');
              own.put(key, number(score.value()));
              own.put(
                  key.substring(0, comma) + "_stderr" + key.substring(comma),
                  number(score.stderr()));
              counts.put(key, score.count());
            });
    own.put("sample_count", counts);
    return own;
  }

  private static Object number(double value) {
    return Double.isFinite(value) ? (Object) value : NOT_KNOWN;
  }

  /// Writes the documents of a task; returns the digest of all their digests.
  private static String samples(Path file, TaskScores task) {
    StringBuilder hashes = new StringBuilder();
    StringBuilder lines = new StringBuilder();
    for (TaskScores.Scored scored : task.samples()) {
      Map<String, @Nullable Object> row = row(scored);
      hashes
          .append(row.get("doc_hash"))
          .append(row.get("prompt_hash"))
          .append(row.get("target_hash"));
      lines.append(Json.line(row)).append('\n');
    }
    OutFolder.place(file, lines.toString());
    return hash(hashes.toString());
  }

  static Map<String, @Nullable Object> row(TaskScores.Scored scored) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    String target = PythonValues.str(scored.sample().target());
    row.put("doc_id", scored.sample().id());
    row.put("doc", scored.sample().doc());
    row.put("target", target);
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    List<TaskRequest> requests = scored.sample().requests();
    for (int i = 0; i < requests.size(); i++) {
      Map<String, @Nullable Object> one = new LinkedHashMap<>();
      List<Object> values = arguments(requests.get(i));
      for (int j = 0; j < values.size(); j++) {
        one.put("arg_" + j, values.get(j));
      }
      arguments.put("gen_args_" + i, one);
    }
    row.put("arguments", arguments);
    row.put("resps", texts(scored.answers()));
    row.put("filtered_resps", texts(scored.filtered()));
    row.put("filter", scored.filter());
    row.put("metrics", new ArrayList<>(scored.items().keySet()));
    row.put("doc_hash", hash(PythonJson.unescaped(scored.sample().doc())));
    row.put("prompt_hash", hash(requests.getFirst().first()));
    row.put("target_hash", hash(target));
    scored.items().forEach((name, item) -> row.put(name, item.json()));
    return row;
  }

  /// Returns a request as the harness's `arguments`.
  static List<Object> arguments(TaskRequest request) {
    return switch (request) {
      case TaskRequest.Likelihood r -> List.of(r.context(), r.continuation());
      case TaskRequest.Rolling r -> List.of(r.text());
      case TaskRequest.Generate r -> List.of(r.context(), r.how().written());
    };
  }

  /// Answers as strings, as in the harness's files.
  private static List<Object> texts(List<JsonNode> answers) {
    List<Object> all = new ArrayList<>();
    answers.forEach(answer -> all.add(text(answer)));
    return all;
  }

  private static Object text(JsonNode answer) {
    if (!answer.isArray()) {
      return PythonValues.str(answer);
    }
    List<Object> all = new ArrayList<>();
    answer.forEach(one -> all.add(text(one)));
    return all;
  }

  /// Returns the SHA-256 of a text as the harness writes it, without a prefix.
  static String hash(String text) {
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8)).substring(Sha256.PREFIX.length());
  }

  /// Writes the numbers and documents of each model into `settings.out()`.
  static void write(
      EvaluateSettings settings, Outcome outcome, Tokenizer tokenizer, RequestTokens encoder) {
    Set<String> stale =
        new LinkedHashSet<>(List.of(Evaluation.BASE, Evaluation.COMPARE)); // of earlier calls
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
      write(folder, model, more);
      if (!main) {
        stale.remove(model.name());
      }
    }
    stale.forEach(name -> remove(settings.out().resolve(name)));
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
    config.put("bootstrap_iters", Aggregation.RESAMPLES);
    config.put("fewshot_seed", Task.SHOTS_SEED);
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
      more.put("chat_template_sha", hash(template));
    }
    more.put("max_length", encoder.maxLength());
    more.put("tokenizer_digest", tokenizer.digest());
    return more;
  }
}
