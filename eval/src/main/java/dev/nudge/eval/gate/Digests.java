package dev.nudge.eval.gate;

import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Digests of everything that a verdict depends on. [dev.nudge.registry.GateCheck] compares some of
/// them when a protected alias moves.
///
/// @param base digest of the base weights, as in an adapter's `nudge.json` and in a registry
/// @param adapter digest of each adapter file, by name; empty if the base alone was evaluated
/// @param tokenizer digest of the tokenizer
/// @param chatTemplate digest of the chat template; null if prompts were plain text
/// @param tasks digest of each task's definition, by task
/// @param data digest of each task's evaluated documents, by task
/// @param seed seed of all random draws
/// @param settings other settings that change numbers, such as `quantize` and `limit`
/// @param policy digest of the policy
public record Digests(
    String base,
    Map<String, String> adapter,
    String tokenizer,
    @Nullable String chatTemplate,
    Map<String, String> tasks,
    Map<String, String> data,
    long seed,
    Map<String, String> settings,
    String policy) {
  public Digests {
    adapter = Map.copyOf(adapter);
    tasks = Map.copyOf(tasks);
    data = Map.copyOf(data);
    settings = Map.copyOf(settings);
  }

  /// Digests the adapter files that affect the output; absent files are left out.
  ///
  /// @param folder a PEFT folder
  public static Map<String, String> adapter(Path folder) {
    Map<String, String> all = new TreeMap<>();
    for (String name : Evaluation.ADAPTER_FILES) {
      String digest = Sha256.of(folder.resolve(name));
      if (digest != null) {
        all.put(name, digest);
      }
    }
    return all;
  }

  /// Digests the task definitions of a model's results.
  public static Map<String, String> tasks(ModelResults model) {
    Map<String, String> all = new TreeMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> {
              TaskConfig config = task.task().config();
              all.put(name, digest(Json.line(config.written())));
            });
    return all;
  }

  /// Digests the documents, with targets and prompts, of a model's results.
  public static Map<String, String> data(ModelResults model) {
    Map<String, String> all = new TreeMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> {
              StringBuilder lines = new StringBuilder();
              for (TaskScores.Scored scored : task.samples()) {
                lines.append(scored.sample().id()).append('\t');
                lines.append(scored.sample().doc()).append('\t');
                lines.append(scored.sample().target()).append('\n');
                scored.sample().requests().forEach(r -> lines.append(r.first()).append('\n'));
              }
              all.put(name, digest(lines.toString()));
            });
    return all;
  }

  private static String digest(String text) {
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
  }
}
