package dev.nudge.cli;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.verb.Compute;
import dev.nudge.train.WarmUp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Build-time rehearsal for the JVM's start-up (AOT) cache: training steps to compile the kernels,
/// then small runs from a fresh model folder to adapter and merged model to load the classes.
///
/// A failure is silent, because it costs start-up speed only.
final class StartupRehearsal {
  private static final String CONFIG =
      """
      {"model_type": "llama", "hidden_size": 128, "intermediate_size": 256,
       "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
       "vocab_size": 300, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
       "tie_word_embeddings": true}
      """;

  private static final String TEXT = "A rehearsal is a whole run, only smaller. ";
  private static final int ROW = 8; // sentences: some hundred tokens, split over the lanes

  private static final List<List<String>> METHODS =
      List.of(List.of("--quantize", "nf4"), List.of("--method", "full"));

  private StartupRehearsal() {}

  /// @param command runs the command with these arguments
  static void run(int steps, Consumer<List<String>> command) {
    WarmUp.rehearse(Compute.AUTO, Library.machine(), steps);
    try {
      Path folder = Files.createTempDirectory("nudge-rehearsal");
      try {
        small(folder, command);
      } finally {
        OutFolder.delete(folder);
      }
    } catch (IOException e) {
      // no disk space: runs start slower
    }
  }

  private static void small(Path folder, Consumer<List<String>> command) throws IOException {
    Path config = Files.writeString(folder.resolve("config.json"), CONFIG);
    String row = "{\"text\": \"" + TEXT.repeat(ROW) + "\"}\n";
    String rows = Files.writeString(folder.resolve("rows.jsonl"), row).toString();
    String model = folder.resolve("model").toString();
    command.accept(
        List.of(
            "init",
            "--config",
            config.toString(),
            "--tokenizer-data",
            rows,
            "--vocab-size",
            "300",
            "--out",
            model));
    for (List<String> method : METHODS) {
      List<String> train = new ArrayList<>(List.of("train", "--model", model, "--data", rows));
      train.addAll(List.of("--out", folder.resolve(method.getLast()).toString(), "--steps", "2"));
      train.addAll(method);
      command.accept(train);
      command.accept(
          List.of(
              "generate",
              "--model",
              model,
              "--prompt",
              TEXT,
              "--max-tokens",
              "20",
              "--quantize",
              method.getLast().equals("nf4") ? "nf4" : "none"));
    }
    command.accept(List.of("runs", "list", "--runs", folder.toString()));
  }
}
