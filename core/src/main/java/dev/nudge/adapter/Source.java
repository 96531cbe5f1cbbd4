package dev.nudge.adapter;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Where the numbers of an adapter come from: a file, or a beginning.
interface Source {
  /// Writes A (rank, in) and B (out, rank) of a linear layer.
  void linear(String path, Tensor a, Tensor b);

  /// Writes A (vocabulary, rank) and B (width, rank) of the embedding.
  void embedding(String path, Tensor a, Tensor b);

  /// The whole weight of a module; null: the model's own.
  @Nullable Tensor weight(String path);

  /// The name in the file under which [#weight] stands; null where that is the model's own.
  @Nullable String table(String path);

  /// The bias of a module that is saved whole; null: the model's own.
  @Nullable Tensor bias(String path);

  /// Rows of tokens (ids, width), in the order of their ids in [Extras]; null: the table's own.
  @Nullable Tensor rows(String path);

  /// The beginning: an update that adds nothing.
  static Source fresh(long seed) {
    return new Source() {
      @Override
      public void linear(String path, Tensor a, Tensor b) {
        LoraInit.fill(a, seed, path);
      }

      @Override
      public void embedding(String path, Tensor a, Tensor b) {
        LoraInit.fillNormal(b, seed, path);
      }

      @Override
      public @Nullable Tensor weight(String path) {
        return null;
      }

      @Override
      public @Nullable String table(String path) {
        return null;
      }

      @Override
      public @Nullable Tensor bias(String path) {
        return null;
      }

      @Override
      public @Nullable Tensor rows(String path) {
        return null;
      }
    };
  }
}
