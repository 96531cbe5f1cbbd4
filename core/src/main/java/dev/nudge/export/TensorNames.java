package dev.nudge.export;

import dev.nudge.gguf.GgufArchitecture;
import dev.nudge.gguf.GgufNames;
import dev.nudge.gguf.HeadRows;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Where a model's tensors are in a GGUF file.
///
/// @param model path, for messages
record TensorNames(Path model, GgufArchitecture architecture, ModelConfig config) {
  /// Finds the architecture that llama.cpp has for a model.
  ///
  /// @throws InputException if it has none
  static TensorNames of(Path model, ModelConfig config) {
    for (String type : config.modelTypes()) {
      GgufArchitecture found = GgufArchitecture.ofModelType(type);
      if (found != null) {
        return new TensorNames(model, found, config);
      }
    }
    throw new InputException(
        "--model %s is of the family %s; GGUF files are written of llama, mistral, qwen2, qwen3, smollm3, phi3, gemma2, gemma3, granite and olmo2"
            .formatted(model, config.modelTypes().getFirst()));
  }

  /// GGUF's name of a tensor.
  ///
  /// @param name in the checkpoint
  /// @throws InputException if the architecture has no such tensor
  String gguf(String name) {
    String gguf = GgufNames.gguf(architecture, plain(name));
    if (gguf == null) {
      throw new InputException(
          "--model %s has the tensor %s, for which GGUF files of the architecture %s have no place"
              .formatted(model, name, architecture.key()));
    }
    return gguf;
  }

  /// The name of the weight of a linear layer or the head in the checkpoint.
  String weight(String path) {
    return path.equals(config.headModule()) ? config.head() : config.weight(path);
  }

  /// GGUF's name of A or B of such a layer, as a LoRA file has it.
  ///
  /// @param part a or b
  String lora(String path, String part) {
    return gguf(weight(path)) + ".lora_" + part;
  }

  /// The name in a checkpoint that holds nothing but a decoder.
  private String plain(String name) {
    ModelConfig.Place place = config.place();
    return name.equals(config.head())
        ? ModelConfig.Place.ALONE.head() + ".weight"
        : ModelConfig.Place.ALONE.tensors() + name.substring(place.tensors().length());
  }

  /// The order of a tensor's rows in the file; null: the model's.
  ///
  /// @param rows of the matrix, or elements of the bias
  @Nullable HeadRows order(String name, int rows) {
    String key = GgufNames.headsKey(architecture, plain(name));
    if (key == null) {
      return null;
    }
    boolean keys = key.endsWith("_kv");
    return new HeadRows(rows, keys ? config.numKeyValueHeads() : config.numAttentionHeads());
  }
}
