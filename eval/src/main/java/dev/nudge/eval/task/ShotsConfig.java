package dev.nudge.eval.task;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Few-shot settings: `fewshot_config`, with defaults from the task.
///
/// @param firstN whether to take the first examples; else they are drawn
/// @param split their split; null: the task's first of training, validation and test split
/// @param samples examples in the file itself; null: none
/// @param text question template of an example; null: the task's
/// @param choice choices template of an example; null: none
/// @param genPrefix answer prefix of an example; null: none
record ShotsConfig(
    boolean firstN,
    @Nullable String split,
    @Nullable List<JsonNode> samples,
    @Nullable Object text,
    @Nullable Object choice,
    @Nullable Object target,
    @Nullable Field genPrefix,
    String delimiter,
    String targetDelimiter) {
  private static final Set<String> KNOWN =
      Set.of(
          "sampler",
          "split",
          "process_docs",
          "fewshot_indices",
          "samples",
          "doc_to_text",
          "doc_to_choice",
          "doc_to_target",
          "gen_prefix",
          "fewshot_delimiter",
          "target_delimiter");

  static ShotsConfig of(TaskKeys task) {
    TaskKeys own = task.map("fewshot_config");
    TaskKeys given = own == null ? new TaskKeys(task.place(), java.util.Map.of()) : own;
    given.only(KNOWN);
    for (String key : KNOWN) {
      Refused.function(given, key);
    }
    Refused.notDone(given, "fewshot_indices", "shots are chosen by sampler, split and samples");
    String sampler = given.text("sampler", "default");
    if (!sampler.equals("default") && !sampler.equals("first_n")) {
      throw given.wrong("sampler", "default or first_n");
    }
    String split = over(given, "split", task, "fewshot_split");
    String prefix = over(given, "gen_prefix", task, "gen_prefix");
    return new ShotsConfig(
        sampler.equals("first_n"),
        split,
        samples(given),
        given.has("doc_to_text") ? given.get("doc_to_text") : task.get("doc_to_text"),
        first(given, task, "doc_to_choice"),
        given.has("doc_to_target") ? given.get("doc_to_target") : task.get("doc_to_target"),
        prefix == null ? null : new Field(prefix, given.place() + ": gen_prefix"),
        delimiter(given, task, "fewshot_delimiter", "\n\n"),
        delimiter(given, task, "target_delimiter", " "));
  }

  private static @Nullable String over(TaskKeys given, String key, TaskKeys task, String tasks) {
    return given.raw().containsKey(key) ? given.text(key) : task.text(tasks);
  }

  private static @Nullable Object first(TaskKeys given, TaskKeys task, String key) {
    return given.raw().containsKey(key) ? given.get(key) : task.get(key);
  }

  private static String delimiter(TaskKeys given, TaskKeys task, String key, String otherwise) {
    String own = given.text(key);
    return own == null ? task.text(key, otherwise) : own;
  }

  private static @Nullable List<JsonNode> samples(TaskKeys given) {
    List<?> list = given.list("samples");
    if (list == null) {
      return null;
    }
    List<JsonNode> samples = new ArrayList<>();
    for (Object one : list) {
      samples.add(dev.nudge.format.Json.tree(given.entry("samples", one).raw()));
    }
    return List.copyOf(samples);
  }
}
