package dev.nudge.adapter;

import dev.nudge.adapter.targets.Lora;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Reads the LoRA updates of an adapter folder, layer by layer and without the base model.
///
/// Threading: one thread at a time; close it after the last update was read.
final class Updates implements AutoCloseable {
  private final PeftAdapter adapter;
  private final List<String> paths = new ArrayList<>(); // sorted, as the file's names are

  private Updates(PeftAdapter adapter) {
    this.adapter = adapter;
    for (String name : adapter.tensors().names()) {
      if (PeftFiles.isA(name)) {
        paths.add(PeftFiles.pathOf(name));
      } else if (PeftFiles.isEmbeddingA(name)) {
        paths.add(PeftFiles.pathOfEmbedding(name));
      }
    }
  }

  /// Opens a folder.
  ///
  /// @throws InputException if the folder is no adapter, or one without A and B
  static Updates open(Path folder) {
    PeftAdapter adapter = PeftAdapter.open(folder);
    try {
      adapter.spec();
    } catch (InputException e) {
      adapter.close();
      throw e;
    }
    return new Updates(adapter);
  }

  Lora spec() {
    return adapter.spec();
  }

  Path folder() {
    return adapter.folder();
  }

  /// Whether the adapter also holds whole modules or token rows, which no update describes.
  boolean holdsWhole() {
    return adapter.holdsWhole();
  }

  /// Refuses a variant whose update is more than B·A.
  ///
  /// @param instead what to do
  void checkPlain(String instead) {
    if (spec().variant() != Lora.Variant.PLAIN) {
      throw new InputException(
          "adapter %s is %s, so its update is more than B·A; %s"
              .formatted(folder(), spec().variant().shown(), instead));
    }
  }

  /// The paths of the modules that have A and B.
  List<String> paths() {
    return paths;
  }

  /// Whether a module is an embedding, whose tensors are named otherwise.
  boolean isEmbedding(String path) {
    return adapter.tensors().names().contains(PeftFiles.nameOfEmbeddingA(path));
  }

  /// The update of a module.
  ///
  /// @throws InputException if B is missing or of another rank
  Update at(String path) {
    boolean embedding = isEmbedding(path);
    WeightFile file = adapter.tensors();
    Tensor a = file.tensor(embedding ? PeftFiles.nameOfEmbeddingA(path) : PeftFiles.nameOfA(path));
    Tensor b = file.tensor(embedding ? PeftFiles.nameOfEmbeddingB(path) : PeftFiles.nameOfB(path));
    if (a.rank() != 2 || b.rank() != 2 || a.rows() != b.cols()) {
      throw new InputException(
          "adapter %s: A and B of %s do not fit each other".formatted(adapter.folder(), path));
    }
    return new Update(path, rows(a), columns(b), spec().scaling(path));
  }

  /// Bytes of A and B of a module in the file.
  long bytes(String path) {
    boolean embedding = isEmbedding(path);
    WeightFile file = adapter.tensors();
    return file.entry(embedding ? PeftFiles.nameOfEmbeddingA(path) : PeftFiles.nameOfA(path))
            .bytes()
        + file.entry(embedding ? PeftFiles.nameOfEmbeddingB(path) : PeftFiles.nameOfB(path))
            .bytes();
  }

  /// How many numbers the variant has of a module beside A and B.
  long more(String path) {
    String name = PeftFiles.nameOfMore(spec().variant(), path);
    return name == null ? 0 : adapter.tensor(name).elements();
  }

  static double[][] rows(Tensor tensor) {
    double[][] rows = new double[tensor.rows()][tensor.cols()];
    for (int r = 0; r < rows.length; r++) {
      for (int c = 0; c < rows[r].length; c++) {
        rows[r][c] = tensor.get(r, c);
      }
    }
    return rows;
  }

  private static double[][] columns(Tensor tensor) {
    double[][] columns = new double[tensor.cols()][tensor.rows()];
    for (int r = 0; r < tensor.rows(); r++) {
      for (int c = 0; c < columns.length; c++) {
        columns[c][r] = tensor.get(r, c);
      }
    }
    return columns;
  }

  @Override
  public void close() {
    adapter.close();
  }
}
