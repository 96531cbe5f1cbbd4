package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The configuration of a task, with includes and group overrides applied.
///
/// Keys that need Python are refused by name. Ignored are a key that the harness itself ignores
/// (`should_decontaminate`) and `metadata`, except `version` and nudge's own `subgroups` and
/// `cluster`. The harness also ignores `doc_to_decontamination_query`; here it names the column for
/// the leak scan of training data ([#written]).
///
/// @param keys all keys
/// @param numFewshot few-shot examples per question; null: unset
public record TaskConfig(
    String name,
    String alias,
    TaskKeys keys,
    OutputType type,
    ShotsConfig shots,
    List<MetricConfig> metrics,
    List<FilterConfig> filters,
    GenerationKwargs generation,
    @Nullable Integer numFewshot,
    int repeats,
    String targetDelimiter,
    String fewshotDelimiter) {
  private static final Set<String> KNOWN =
      Set.of(
          "task",
          "task_alias",
          "tag",
          "group",
          "group_alias",
          "task_list",
          "custom_dataset",
          "dataset_path",
          "dataset_name",
          "dataset_kwargs",
          "training_split",
          "validation_split",
          "test_split",
          "fewshot_split",
          "process_docs",
          "doc_to_text",
          "doc_to_target",
          "doc_to_image",
          "doc_to_audio",
          "unsafe_code",
          "doc_to_choice",
          "process_results",
          "use_prompt",
          "description",
          "target_delimiter",
          "fewshot_delimiter",
          "fewshot_config",
          "num_fewshot",
          "metric_list",
          "output_type",
          "generation_kwargs",
          "repeats",
          "filter_list",
          "should_decontaminate",
          "doc_to_decontamination_query",
          "gen_prefix",
          "metadata");
  private static final List<String> RUN =
      List.of(
          "custom_dataset",
          "process_docs",
          "doc_to_text",
          "doc_to_target",
          "doc_to_choice",
          "process_results",
          "description",
          "gen_prefix");

  /// Parses the keys of a task.
  ///
  /// @param place the file, for messages
  /// @throws InputException in one line, if a key is unknown, wrong or needs Python
  static TaskConfig of(String place, Map<String, @Nullable Object> map) {
    TaskKeys keys = new TaskKeys(place, map);
    if (map.containsKey("class")) {
      throw new InputException(
          "%s: the task is a Python class (%s), which is not run here; export its requests to a task of JSONL once, as docs/reference/evaluation.md shows"
              .formatted(place, TaskYaml.shown(map.get("class"))));
    }
    for (String key : map.keySet()) {
      if (!KNOWN.contains(key)) {
        throw new InputException(
            "%s: %s is no key of a task%s".formatted(place, key, Nearest.hint(key, KNOWN)));
      }
    }
    RUN.forEach(key -> Refused.function(keys, key));
    Refused.notDone(keys, "unsafe_code", "answers that are code are not run here");
    Refused.notDone(keys, "doc_to_image", "images are not read here");
    Refused.notDone(keys, "doc_to_audio", "sound is not read here");
    Refused.notDone(
        keys, "use_prompt", "promptsource is not read here; write doc_to_text and doc_to_target");
    Refused.notDone(keys, "process_results", "score by metric_list and filter_list alone");
    Refused.notDone(keys, "custom_dataset", "name files by data_files");
    String name = keys.text("task");
    if (name == null) {
      throw keys.wrong("task", "a name");
    }
    OutputType type = OutputType.of(keys);
    String delimiter = keys.text("fewshot_delimiter", "\n\n");
    if (keys.get("doc_to_text") == null && type != OutputType.LOGLIKELIHOOD_ROLLING) {
      throw keys.wrong("doc_to_text", "a column or a template");
    }
    if (keys.get("doc_to_target") == null) {
      throw keys.wrong("doc_to_target", "a column or a template");
    }
    if (type == OutputType.MULTIPLE_CHOICE && keys.get("doc_to_choice") == null) {
      throw keys.wrong("doc_to_choice", "the choices: a list, a column or a template");
    }
    if (metadata(keys).get("cluster") instanceof Object column && !(column instanceof String)) {
      throw new InputException(
          "%s: metadata: cluster is %s; it must be the name of a column"
              .formatted(place, TaskYaml.shown(column)));
    }
    if (!columns(keys, "subgroups").stream().allMatch(String.class::isInstance)) {
      throw new InputException(
          "%s: metadata: subgroups is %s; it must be a list of columns"
              .formatted(place, TaskYaml.shown(metadata(keys).get("subgroups"))));
    }
    Integer shots = keys.whole("num_fewshot");
    if (shots != null && shots < 0) {
      throw keys.wrong("num_fewshot", "at least 0");
    }
    return new TaskConfig(
        name,
        keys.text("task_alias", name),
        keys,
        type,
        ShotsConfig.of(keys),
        MetricConfig.of(keys, type),
        FilterConfig.of(keys),
        GenerationKwargs.of(keys, delimiter),
        shots,
        keys.whole("repeats", 1, 1),
        keys.text("target_delimiter", " "),
        delimiter);
  }

  /// Returns the file, for messages.
  public String place() {
    return keys.place();
  }

  /// Returns the version in the metadata; null: none.
  public @Nullable Object version() {
    return metadata(keys).get("version");
  }

  /// Returns the column whose values cluster correlated documents, such as questions on one text;
  /// null: documents are independent.
  public @Nullable String cluster() {
    return (String) metadata(keys).get("cluster");
  }

  /// Returns a document's value in that column; null: an independent document.
  public @Nullable JsonNode cluster(JsonNode doc) {
    String column = cluster();
    JsonNode value = column == null ? null : doc.get(column);
    return value == null || value.isNull() ? null : value;
  }

  /// Returns the columns to slice a report by.
  public List<String> subgroups() {
    return columns(keys, "subgroups").stream().map(String.class::cast).toList();
  }

  /// Returns a metadata value: a list, or a single entry.
  private static List<?> columns(TaskKeys keys, String name) {
    Object named = metadata(keys).get(name);
    return named instanceof List<?> several ? several : named == null ? List.of() : List.of(named);
  }

  private static Map<?, ? extends @Nullable Object> metadata(TaskKeys keys) {
    return keys.get("metadata") instanceof Map<?, ?> metadata ? metadata : Map.of();
  }

  @Nullable String split(String kind) {
    return keys.text(kind + "_split");
  }

  /// Returns a copy with another number of few-shot examples, unless the file sets 0.
  public TaskConfig withFewshot(@Nullable Integer shots) {
    boolean none = numFewshot != null && numFewshot == 0;
    int number = shots != null && !none ? shots : Objects.requireNonNullElse(numFewshot, 0);
    return new TaskConfig(
        name,
        alias,
        keys,
        type,
        this.shots,
        metrics,
        filters,
        generation,
        number,
        repeats,
        targetDelimiter,
        fewshotDelimiter);
  }

  /// Returns the keys as in results, functions by name.
  public Map<String, @Nullable Object> written() {
    Map<String, @Nullable Object> written = new LinkedHashMap<>();
    keys.all()
        .forEach(
            (key, value) ->
                written.put(key, value instanceof PythonFunction f ? TaskYaml.shown(f) : value));
    List.of("tag", "group", "task_list").forEach(written::remove); // omitted as in the harness
    written.put("num_fewshot", numFewshot == null ? 0 : numFewshot);
    return written;
  }
}
