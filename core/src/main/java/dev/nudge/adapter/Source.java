package dev.nudge.adapter;

import dev.nudge.adapter.linalg.LoraInit;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Supplies the numbers of an adapter: from a file, or initial ones.
interface Source {
  /// Standard deviation of a new score head's numbers, that of transformers' linear layers.
  double SCORE = 0.02;

  /// Writes A (rank, in) and B (out, rank) of a linear layer.
  void linear(String path, Tensor a, Tensor b);

  /// Writes the tensor (1, out) that a [Lora.Variant] adds to a linear layer.
  ///
  /// @param name in the file
  void more(String name, Tensor to);

  /// Whether the base is to lose what A and B add at the start.
  default boolean subtracts() {
    return false;
  }

  /// Writes A (vocabulary, rank) and B (width, rank) of the embedding.
  void embedding(String path, Tensor a, Tensor b);

  /// The whole weight of a module; null: use the model's own.
  @Nullable Tensor weight(String path);

  /// The name of [#weight] in the file; null if that is the model's own.
  @Nullable String table(String path);

  /// The bias of a module that is saved whole; null: use the model's own.
  @Nullable Tensor bias(String path);

  /// Token rows (ids, width), in the order of their ids in `Extras`; null: use the table's own.
  @Nullable Tensor rows(String path);

  /// Writes the weight (1, width) of a score head.
  void score(Tensor weight);

  /// The source of a new adapter: its update is zero.
  ///
  /// @param subtracts see [#subtracts]
  static Source fresh(long seed, boolean subtracts) {
    return new Source() {
      @Override
      public void linear(String path, Tensor a, Tensor b) {
        LoraInit.fill(a, seed, path);
      }

      @Override
      public void more(String name, Tensor to) {} // a bias of zeros; magnitudes need the base

      @Override
      public boolean subtracts() {
        return subtracts;
      }

      @Override
      public void embedding(String path, Tensor a, Tensor b) {
        LoraInit.fillNormal(b, seed, path);
      }

      @Override
      public void score(Tensor weight) {
        LoraInit.fillNormal(weight, seed, "score");
        for (long i = 0; i < weight.elements(); i++) {
          weight.put(i, SCORE * weight.at(i));
        }
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
