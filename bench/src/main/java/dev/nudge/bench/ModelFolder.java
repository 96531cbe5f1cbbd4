package dev.nudge.bench;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.StoredType;
import dev.nudge.model.ModelConfig;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Writes a whole model folder of random weights, a tensor at a time, with a tokenizer of words,
/// and
/// rows for it.
final class ModelFolder {
  private static final String END = "</s>";

  private ModelFolder() {}

  /// Writes `config.json`, `model.safetensors` in bf16, `tokenizer.json`, `tokenizer_config.json`.
  static Path write(Path folder, ModelConfig c) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config(c));
    Files.writeString(folder.resolve("tokenizer.json"), tokenizer(c.vocabSize()));
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"" + END + "\"}");
    weights(folder.resolve("model.safetensors"), c);
    return folder;
  }

  /// Writes rows of `length` tokens each, the end token counted.
  static Path rows(Path file, int rows, int length, int vocabulary) throws IOException {
    SplittableRandom random = new SplittableRandom(length);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      StringBuilder text = new StringBuilder();
      for (int t = 1; t < length; t++) {
        text.append(t == 1 ? "" : " ").append('w').append(random.nextInt(2, vocabulary));
      }
      lines.add("{\"text\": \"" + text + "\"}");
    }
    return Files.write(file, lines);
  }

  private static String config(ModelConfig c) {
    return """
    {"model_type": "llama", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
     "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d, "vocab_size": %d,
     "max_position_embeddings": %d, "rms_norm_eps": 1e-5, "tie_word_embeddings": %s,
     "bos_token_id": null, "eos_token_id": 0}
    """
        .formatted(
            c.hiddenSize(),
            c.intermediateSize(),
            c.numHiddenLayers(),
            c.numAttentionHeads(),
            c.numKeyValueHeads(),
            c.headDim(),
            c.vocabSize(),
            c.maxPositionEmbeddings(),
            c.tieWordEmbeddings());
  }

  private static String tokenizer(int vocabulary) {
    StringBuilder words = new StringBuilder("\"" + END + "\": 0, \"<unk>\": 1");
    for (int i = 2; i < vocabulary; i++) {
      words.append(", \"w").append(i).append("\": ").append(i);
    }
    return """
    {"version": "1.0", "truncation": null, "padding": null,
     "added_tokens": [{"id": 0, "content": "</s>", "single_word": false, "lstrip": false,
       "rstrip": false, "normalized": false, "special": true}],
     "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
     "decoder": null,
     "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {%s}}}
    """
        .formatted(words);
  }

  private static void weights(Path file, ModelConfig c) {
    List<Entry> entries = new ArrayList<>();
    c.tensors()
        .forEach(
            (name, shape) ->
                entries.add(
                    new Entry(name, StoredType.BF16, Arrays.stream(shape).boxed().toList())));
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, Map.of(), entries)) {
      SplittableRandom random = new SplittableRandom(1);
      for (Map.Entry<String, long[]> tensor : c.tensors().entrySet()) {
        try (Scope scope = Scope.open("model folder")) {
          Tensor t = scope.tensor(Dtype.BF16, tensor.getValue());
          boolean matrix = tensor.getValue().length == 2;
          double bound = matrix ? 1 / Math.sqrt(tensor.getValue()[1]) : 0;
          for (long i = 0; i < t.elements(); i++) {
            t.put(i, matrix ? bound * (2 * random.nextDouble() - 1) : 1);
          }
          writer.write(tensor.getKey(), t);
        }
      }
    }
  }
}
