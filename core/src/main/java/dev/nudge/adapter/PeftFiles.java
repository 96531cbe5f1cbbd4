package dev.nudge.adapter;

import dev.nudge.adapter.targets.Lora;
import dev.nudge.format.Entry;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Names and writes the two files of an adapter folder, as PEFT does; [PeftAdapter] reads them.
///
/// A layer has two tensors: `base_model.model.PATH.lora_A.weight` (rank, in) and
/// `….lora_B.weight` (out, rank), in fp32 whatever the compute type was; DoRA adds
/// `….lora_magnitude_vector` (out), `lora_bias` adds `….lora_B.bias` (out); the embedding has
/// `….lora_embedding_A` and `_B`, a module saved whole `….weight`, and token rows
/// `….token_adapter.trainable_tokens_delta`.
public final class PeftFiles {
  /// The weight file in an adapter folder.
  public static final String WEIGHTS = "adapter_model.safetensors";

  static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";
  private static final String EMBEDDING_A = ".lora_embedding_A";

  private PeftFiles() {}

  /// The name of the weight of a score head, (1, width).
  static final String SCORE = PREFIX + "score.weight";

  /// The name of A of the layer at `path`.
  public static String nameOfA(String path) {
    return PREFIX + path + A;
  }

  /// The name of B of the layer at `path`.
  public static String nameOfB(String path) {
    return PREFIX + path + B;
  }

  /// The name of DoRA's magnitudes of the layer at `path`, (out).
  static String nameOfMagnitude(String path) {
    return PREFIX + path + ".lora_magnitude_vector";
  }

  /// The name of the bias of B of the layer at `path`, (out).
  static String nameOfLoraBias(String path) {
    return PREFIX + path + ".lora_B.bias";
  }

  /// The name of the tensor that a variant adds to A and B of the layer at `path`, (out); null:
  /// none.
  static @Nullable String nameOfMore(Lora.Variant variant, String path) {
    return switch (variant) {
      case PLAIN -> null;
      case BIAS -> nameOfLoraBias(path);
      case DORA -> nameOfMagnitude(path);
    };
  }

  /// The name of A of the embedding at `path`, (rank, vocabulary).
  static String nameOfEmbeddingA(String path) {
    return PREFIX + path + EMBEDDING_A;
  }

  /// The name of B of the embedding at `path`, (width, rank).
  static String nameOfEmbeddingB(String path) {
    return PREFIX + path + ".lora_embedding_B";
  }

  /// The name of the weight of a module that is saved whole.
  static String nameOfWeight(String path) {
    return PREFIX + path + ".weight";
  }

  static String nameOfBias(String path) {
    return PREFIX + path + ".bias";
  }

  /// The name of the token rows of the embedding or the head at `path`, (ids, width).
  static String nameOfRows(String path) {
    return PREFIX + path + ".token_adapter.trainable_tokens_delta";
  }

  /// The names under which PEFT may store the whole table of an embedding or a head; the first one
  /// in the file applies.
  static List<String> namesOfTable(String path) {
    return List.of(
        nameOfWeight(path),
        PREFIX + path + ".base_layer.weight",
        PREFIX + path + ".token_adapter.base_layer.weight");
  }

  /// The names of redundant copies of such a table, which PEFT stores if the vocabulary has grown.
  static List<String> namesOfCopies(String path) {
    return List.of(
        PREFIX + path + ".modules_to_save.weight", PREFIX + path + ".original_module.weight");
  }

  /// Whether a tensor name is one of [#namesOfTable] of an embedding or a head, for any model.
  static boolean isTable(String name) {
    return Stream.of("embed_tokens", "lm_head")
        .anyMatch(
            end ->
                Stream.of(".weight", ".base_layer.weight", ".token_adapter.base_layer.weight")
                    .anyMatch(last -> name.endsWith(end + last)));
  }

  static boolean isA(String name) {
    return name.startsWith(PREFIX) && name.endsWith(A);
  }

  static boolean isB(String name) {
    return name.startsWith(PREFIX) && name.endsWith(B);
  }

  /// Whether a tensor of a decoder layer is neither an A nor a B.
  static boolean isMore(String name) {
    return name.contains(".layers.") && !isA(name) && !isB(name);
  }

  /// The path of the layer in a tensor's name.
  static String pathOf(String name) {
    return name.substring(PREFIX.length(), name.length() - A.length());
  }

  static boolean isEmbeddingA(String name) {
    return name.startsWith(PREFIX) && name.endsWith(EMBEDDING_A);
  }

  /// The path of the embedding in the name of its A.
  static String pathOfEmbedding(String name) {
    return name.substring(PREFIX.length(), name.length() - EMBEDDING_A.length());
  }

  /// The ranks of modules in a file with their A.
  ///
  /// @return by path; 0 where the file has no A
  public static Map<String, Integer> ranks(Path file, Collection<String> paths) {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    try (SafeTensors tensors = SafeTensors.open(file)) {
      for (String path : paths) {
        String name = nameOfA(path);
        boolean there = tensors.names().contains(name);
        ranks.put(path, there ? tensors.entry(name).shape().getFirst().intValue() : 0);
      }
    }
    return ranks;
  }

  /// Saves an adapter in `folder`, atomically; the folder is created if missing, and a failure
  /// leaves it unchanged.
  ///
  /// @param spec with `all-linear` resolved
  /// @param baseModel the base as the user named it
  /// @param tensors by their names in the file, fp32 or F64
  /// @throws RunException if writing fails
  public static void save(Path folder, Lora spec, String baseModel, Map<String, Tensor> tensors) {
    Map<String, Saved> saved = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> saved.put(name, Saved.of(tensor)));
    saveMade(folder, new LoraKind(spec), baseModel, saved);
  }

  /// The same of tensors that are made while they are written.
  static void saveMade(
      Path folder, AdapterKind kind, String baseModel, Map<String, Saved> tensors) {
    try (NewFolder growing = NewFolder.at(folder)) {
      write(growing.path(), kind, baseModel, tensors);
      growing.place(List.of());
    }
  }

  /// Writes the two files into a staging folder.
  ///
  /// @throws RunException if writing fails
  static void write(Path growing, AdapterKind kind, String baseModel, Map<String, Saved> tensors) {
    weights(growing.resolve(WEIGHTS), tensors);
    OutFolder.place(growing.resolve(PeftConfig.FILE), PeftConfig.write(kind, baseModel));
  }

  /// A tensor of an adapter's file, made when it is written: an adapter of experts may be as large
  /// as the memory that is left.
  ///
  /// @param shape of the tensor
  /// @param tensor makes it in a scope
  record Saved(long[] shape, Function<Scope, Tensor> tensor) {
    static Saved of(Tensor tensor) {
      return new Saved(tensor.shape(), scope -> tensor);
    }

    long elements() {
      return LongStream.of(shape).reduce(1, Math::multiplyExact);
    }
  }

  private static void weights(Path file, Map<String, Saved> tensors) {
    List<Entry> entries =
        tensors.entrySet().stream()
            .map(e -> Entry.of(e.getKey(), Dtype.F32, e.getValue().shape))
            .toList();
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(file, Map.of("format", "pt"), entries)) {
      tensors.forEach(
          (name, saved) -> {
            try (Scope scope = Scope.open("saving an adapter")) {
              writer.write(name, single(saved.tensor.apply(scope), scope));
            }
          });
    }
  }

  private static Tensor single(Tensor tensor, Scope scope) {
    if (tensor.dtype() == Dtype.F32) {
      return tensor;
    }
    Tensor copy = scope.tensor(Dtype.F32, tensor.shape());
    for (long i = 0; i < tensor.elements(); i++) {
      copy.put(i, tensor.at(i));
    }
    return copy;
  }
}
