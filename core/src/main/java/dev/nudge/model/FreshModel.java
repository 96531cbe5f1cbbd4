package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.model.family.Families;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.python.PythonJson;
import dev.nudge.quant.WeightFormats;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/// A model with random initial weights, described by a `config.json`: for pretraining and tests.
///
/// The weights are initialised as in transformers: matrices and embeddings normal with mean 0 and
/// deviation `initializer_range` (default 0.02), norms that compute as 1, biases 0, the embedding
/// of `pad_token_id` 0; stored in the file's `torch_dtype` or `dtype` (default bfloat16). The
/// numbers are one stream of `java.util.Random.nextGaussian`, whose algorithm its documentation
/// fixes, over the tensors in the order of the model: a seed gives the same bytes everywhere.
public final class FreshModel {
  private static final Map<String, Dtype> DTYPES =
      Map.of("bfloat16", Dtype.BF16, "float16", Dtype.F16, "float32", Dtype.F32);

  private final Path file;
  private final ConfigJson json;
  private final ModelConfig config;
  private final Dtype dtype;
  private final double range;
  private final int padding;

  private FreshModel(Path file, ConfigJson json) {
    this.file = file;
    this.json = json;
    this.config = Families.read(json, null);
    if (!config.place().equals(ModelConfig.Place.ALONE)) {
      throw json.refuse("model_type is a model that also sees; a fresh one reads text alone");
    }
    if (json.has(WeightFormats.KEY)) {
      throw json.refuse(WeightFormats.KEY + " is given; a fresh model is dense, so leave it out");
    }
    Dtype known = dtype(json);
    if (known == null) {
      String key = dtypeKey(json);
      throw json.refuse(
          key
              + " "
              + ConfigJson.quote(json.text(key, null))
              + " is not supported; supported: bfloat16, float16, float32");
    }
    this.dtype = known;
    this.range = json.has("initializer_range") ? json.positive("initializer_range", null) : 0.02;
    this.padding = padding(json, config.vocabSize());
  }

  /// The type that a config names for its weights, bfloat16 if it names none; null if it
  /// names one that weights cannot have.
  static @Nullable Dtype dtype(ConfigJson json) {
    String key = dtypeKey(json);
    return json.has(key) ? DTYPES.get(json.text(key, null)) : Dtype.BF16;
  }

  private static String dtypeKey(ConfigJson json) {
    return json.has("torch_dtype") ? "torch_dtype" : "dtype";
  }

  private static int padding(ConfigJson json, int vocabulary) {
    if (!json.has("pad_token_id")) {
      return -1;
    }
    var node = json.node("pad_token_id");
    if (!node.isInt() || node.intValue() >= vocabulary) {
      throw json.refuse(
          "pad_token_id is "
              + ConfigJson.show(node)
              + "; a token id below vocab_size "
              + vocabulary
              + " is needed");
    }
    return node.intValue();
  }

  /// Reads a `config.json`, whatever its name.
  ///
  /// @throws InputException if the file is missing, malformed or describes an unsupported model
  public static FreshModel read(Path config) {
    if (!Files.exists(config)) {
      throw new InputException(config + ": there is no such file");
    }
    return new FreshModel(config, ConfigJson.read(config));
  }

  /// Returns this model with the vocabulary size and EOS token of a tokenizer.
  public FreshModel with(int vocabulary, int end) {
    Map<String, @Nullable Object> all = json.plain();
    all.put("vocab_size", vocabulary);
    all.put("eos_token_id", end);
    all.put("bos_token_id", null);
    all.put("pad_token_id", null);
    return new FreshModel(file, ConfigJson.parse(file, "", PythonJson.write(all)));
  }

  /// The shape of the model.
  public ModelConfig config() {
    return config;
  }

  /// The text of the folder's `config.json`: the keys that were read, sorted as transformers sorts
  /// them, and those by which transformers finds the class.
  public String configJson() {
    Map<String, @Nullable Object> all = new TreeMap<>(json.plain());
    all.putIfAbsent("architectures", List.of(config.family().architecture()));
    if (!json.has("dtype")) {
      all.putIfAbsent("torch_dtype", "bfloat16");
    }
    return PythonJson.write(all) + "\n";
  }

  /// Writes the random weights of a seed.
  ///
  /// @param cancelled asked between tensors
  /// @return bytes of the tensors; empty if it was cancelled, and then nothing is written
  /// @throws dev.nudge.settings.RunException if writing fails
  public OptionalLong write(Path weights, long seed, BooleanSupplier cancelled) {
    List<Entry> entries =
        config.tensors().entrySet().stream()
            .map(tensor -> Entry.of(tensor.getKey(), dtype, tensor.getValue()))
            .toList();
    Random random = new Random(seed);
    try (SafeTensorsWriter out =
        SafeTensorsWriter.create(weights, Map.of("format", "pt"), entries)) {
      for (Map.Entry<String, long[]> e : config.tensors().entrySet()) {
        if (cancelled.getAsBoolean()) {
          out.abandon();
          return OptionalLong.empty();
        }
        try (Scope scope = Scope.open("fresh tensor")) {
          Tensor tensor = scope.tensor(dtype, e.getValue());
          fill(tensor, e.getKey(), random);
          out.write(e.getKey(), tensor);
        }
      }
    }
    return OptionalLong.of(entries.stream().mapToLong(Entry::bytes).sum());
  }

  private void fill(Tensor tensor, String name, Random random) {
    fill(tensor, name, config, () -> range * random.nextGaussian());
    if (padding >= 0 && name.equals(config.embedding())) {
      tensor.rows(padding, padding + 1).zero();
    }
  }

  /// Initialises a tensor: norms that compute as 1, biases 0, all others random.
  ///
  /// @param draw draws the numbers of all other tensors
  static void fill(Tensor tensor, String name, ModelConfig config, DoubleSupplier draw) {
    boolean norm = name.endsWith("norm.weight");
    boolean drawn = !norm && !name.endsWith(".bias");
    double constant = norm ? 1 - config.normOffset() : 0;
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.put(i, drawn ? draw.getAsDouble() : constant);
    }
  }
}
