package dev.nudge.merge;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.format.Entry;
import dev.nudge.format.ShardedWriter;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.python.PythonJson;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.TinyTokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/// Writes random bases of odd sizes in any stored type and number of files, and adapters for them.
final class Bases {
  private Bases() {}

  /// A base of three layers, 20 wide, with biases and grouped heads.
  ///
  /// @param shards files; one has no index
  static Path write(Path folder, Dtype dtype, int shards, boolean tied) throws IOException {
    TinyTokenizers.byteLevel(Files.createDirectories(folder), false);
    Files.writeString(folder.resolve("config.json"), PythonJson.write(config(tied)));
    ModelConfig config = ModelConfig.load(folder);
    Map<Path, List<Entry>> files = new LinkedHashMap<>();
    Map<String, Object> fileOf = new TreeMap<>();
    int i = 0;
    for (Map.Entry<String, long[]> t : config.tensors().entrySet()) {
      String file =
          shards == 1
              ? "model.safetensors"
              : "model-%05d-of-%05d.safetensors".formatted(i++ % shards + 1, shards);
      files
          .computeIfAbsent(folder.resolve(file), f -> new ArrayList<>())
          .add(Entry.of(t.getKey(), dtype, t.getValue()));
      fileOf.put(t.getKey(), file);
    }
    Random random = new Random(7);
    try (Scope scope = Scope.open("base");
        ShardedWriter to = ShardedWriter.create(Map.of("format", "pt"), files)) {
      config
          .tensors()
          .forEach(
              (name, shape) -> {
                Tensor t = scope.tensor(dtype, shape);
                fill(t, random, name.contains("norm") ? 1 : 0, 0.3);
                to.write(name, t);
              });
    }
    if (shards > 1) {
      Files.writeString(
          folder.resolve("model.safetensors.index.json"),
          PythonJson.write(Map.of("metadata", Map.of("total_size", 1), "weight_map", fileOf)));
    }
    return folder;
  }

  private static Map<String, Object> config(boolean tied) {
    Map<String, Object> config = new TreeMap<>();
    config.put("model_type", "llama");
    config.put("hidden_act", "silu");
    config.put("hidden_size", 20);
    config.put("intermediate_size", 28);
    config.put("num_hidden_layers", 3);
    config.put("num_attention_heads", 6);
    config.put("num_key_value_heads", 2);
    config.put("head_dim", 6);
    config.put("vocab_size", 271);
    config.put("max_position_embeddings", 64);
    config.put("rms_norm_eps", 1e-5);
    config.put("attention_bias", true);
    config.put("mlp_bias", true);
    config.put("tie_word_embeddings", tied);
    config.put("eos_token_id", 1);
    return config;
  }

  /// An adapter with a B that is not zero.
  static Path adapter(Path folder, Path base, Lora spec, long seed) {
    ModelConfig config = ModelConfig.load(base);
    try (CausalLm dry = Checkpoint.dry(config, Backend.plain(Dtype.F32), Quantization.NONE);
        Scope scope = Scope.open("adapter")) {
      Adapters adapter = Adapters.attach(dry.modules(), spec, seed, Dtype.F32, 0, scope);
      Random random = new Random(seed);
      for (Parameter p : adapter.parameters()) {
        fill(p.master(), random, 0, 0.2);
      }
      adapter.save(folder, base.toString());
    }
    return folder;
  }

  private static void fill(Tensor t, Random random, double mean, double size) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, mean + size * random.nextGaussian());
    }
  }
}
