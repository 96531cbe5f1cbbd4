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

/// All that a verdict depends on, as digests. Which of them a protected alias compares, and with
/// what, is told by [dev.nudge.registry.GateCheck].
///
/// @param base of the base's weights, as an adapter's `nudge.json` and a registry have it
/// @param adapter of the adapter's files by name; empty: the base alone was judged
/// @param tokenizer of the tokenizer
/// @param chatTemplate null: prompts were plain text
/// @param tasks of what each task's file says
/// @param data of each task's documents that were asked about
/// @param seed of all that is drawn
/// @param settings other settings that change numbers, such as `quantize` and `limit`, as texts
/// @param policy of the policy
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

  /// The digests of the files of an adapter that change what it says; those that are not there are
  /// left out.
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

  /// The digests of what the tasks of a model's numbers say.
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

  /// The digests of the documents, with their targets and prompts, of a model's numbers.
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
