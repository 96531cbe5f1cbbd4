package dev.nudge.export;

import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.gguf.GgufFiles;
import dev.nudge.gguf.GgufTensor;
import dev.nudge.gguf.HeadRows;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/// Makes an adapter folder of a LoRA file of llama.cpp: [LoraFile] the other way.
///
/// A layer's scale is alpha / rank with the rank of its own A, as llama.cpp computes it.
public final class LoraFolder {
  private final Path file;
  private final TensorNames names;
  private final GgufFiles gguf;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Map<String, Integer> ranks = new LinkedHashMap<>();

  private LoraFolder(Path file, TensorNames names, GgufFiles gguf) {
    this.file = file;
    this.names = names;
    this.gguf = gguf;
  }

  /// The folder of a file's adapter, which is made in the cache once.
  ///
  /// @param model that the adapter is for: its config says where the rows of q and k go
  /// @throws InputException if the file holds no adapter of such a model
  public static Path of(Path file, Path model, Path cache) {
    ModelConfig config = ModelConfig.load(model);
    TensorNames names = TensorNames.of(model, config);
    try (GgufFiles gguf = GgufFiles.openAdapter(file);
        Scope scope = Scope.open("LoRA file")) {
      if (!"lora".equals(gguf.metadata().text("adapter.type"))) {
        throw refuse(file, "holds no adapter: its adapter.type is not lora");
      }
      if (gguf.metadata().keys().stream().anyMatch(key -> key.startsWith("adapter.alora"))) {
        throw refuse(file, "holds an activated LoRA (adapter.alora), which is not supported");
      }
      if (gguf.architecture() != names.architecture()) {
        throw refuse(
            file,
            "is an adapter of the architecture %s; --model %s is %s"
                .formatted(gguf.architecture().key(), model, names.architecture().key()));
      }
      String name = file.getFileName().toString().replaceAll("\\.gguf$", "");
      Path folder = cache.resolve("gguf-adapters").resolve(key(file, config)).resolve(name);
      if (!Files.exists(folder.resolve(PeftFiles.WEIGHTS))) {
        new LoraFolder(file, names, gguf).write(folder, scope);
      }
      return folder;
    } catch (IOException e) {
      throw refuse(file, "cannot be read: " + e.getMessage());
    }
  }

  private static InputException refuse(Path file, String what) {
    return new InputException(file + " " + what);
  }

  /// Another file has another folder, and so has a model whose heads or names differ.
  private static String key(Path file, ModelConfig config) throws IOException {
    String all =
        "%s %s %d %d"
            .formatted(
                Sha256.ofFile(file),
                config.place(),
                config.numAttentionHeads(),
                config.numKeyValueHeads());
    return Sha256.of(all.getBytes(StandardCharsets.UTF_8)).substring(Sha256.PREFIX.length());
  }

  private void write(Path folder, Scope scope) {
    ModelShape shape = ModelShape.of(Checkpoint.places(names.config()));
    List<LayerShape> layers = new ArrayList<>(shape.linears());
    if (shape.head() != null && !shape.tied()) {
      layers.add(shape.head());
    }
    TreeSet<String> left = new TreeSet<>(gguf.tensors().keySet());
    for (LayerShape layer : layers) {
      List<String> both = List.of(names.lora(layer.path(), "a"), names.lora(layer.path(), "b"));
      if (left.containsAll(both)) {
        both.forEach(left::remove);
        add(layer, read(both.getFirst(), scope), read(both.getLast(), scope), scope);
      }
    }
    if (!left.isEmpty() || ranks.isEmpty()) {
      throw refuse(
          file,
          ranks.isEmpty() && left.isEmpty()
              ? "holds no tensor"
              : "holds the tensor %s, which is no A or B of a linear layer of --model %s"
                  .formatted(left.getFirst().replaceAll("\\p{Cntrl}", "?"), names.model()));
    }
    OutFolder.make(folder.getParent());
    PeftFiles.save(folder, spec(), names.architecture().key(), tensors);
  }

  private void add(LayerShape layer, Tensor a, Tensor b, Scope scope) {
    if (a.cols() != layer.in() || b.rows() != layer.out() || a.rows() != b.cols()) {
      throw refuse(
          file,
          "has A (%d, %d) and B (%d, %d) for %s, which is (%d, %d) in --model %s"
              .formatted(
                  a.rows(),
                  a.cols(),
                  b.rows(),
                  b.cols(),
                  layer.path(),
                  layer.out(),
                  layer.in(),
                  names.model()));
    }
    HeadRows order = names.order(names.weight(layer.path()), layer.out());
    ranks.put(layer.path(), a.rows());
    tensors.put(PeftFiles.nameOfA(layer.path()), a);
    tensors.put(PeftFiles.nameOfB(layer.path()), order == null ? b : ordered(b, order, scope));
  }

  private Tensor read(String name, Scope scope) {
    GgufFiles.Stored stored = gguf.tensors().get(name);
    GgufTensor tensor = stored == null ? null : stored.tensor();
    if (stored == null || tensor == null || tensor.shape().size() != 2) {
      throw refuse(file, "has no matrix " + name);
    }
    Tensor read = scope.tensor(Dtype.F32, tensor.shape().getFirst(), tensor.cols());
    int blocks = Math.toIntExact(read.elements() / tensor.type().block());
    BlockReader.of(tensor.type()).read(stored.bytes(), 0, blocks, read.data(), 0);
    return read;
  }

  private static Tensor ordered(Tensor b, HeadRows order, Scope scope) {
    Tensor rows = scope.tensor(Dtype.F32, b.rows(), b.cols());
    long bytes = (long) Dtype.F32.bytes() * b.cols();
    for (int row = 0; row < b.rows(); row++) {
      MemorySegment.copy(b.data(), bytes * order.inFile(row), rows.data(), bytes * row, bytes);
    }
    return rows;
  }

  /// An alpha of 0 stands for a scale of 1, as llama.cpp has it.
  private Lora spec() {
    double alpha = gguf.metadata().number("adapter.lora.alpha", 0.0);
    int rank = ranks.values().iterator().next();
    Map<String, Integer> others = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    ranks.forEach(
        (path, own) -> {
          if (own != rank) {
            others.put(path.replace(".", "\\."), own);
            alphas.put(path.replace(".", "\\."), (double) own);
          }
        });
    return Lora.of(rank, alpha == 0 ? rank : alpha, new Targets.Names(List.copyOf(ranks.keySet())))
        .withPatterns(others, alpha == 0 ? alphas : Map.of());
  }
}
