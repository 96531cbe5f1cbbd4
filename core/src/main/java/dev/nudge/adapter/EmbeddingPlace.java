package dev.nudge.adapter;

import dev.nudge.adapter.targets.Lora;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Embedding.Vectors;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// LoRA's A and B on the embedding.
final class EmbeddingPlace implements Placement {
  private final String path;
  private final Embedding embedding;
  private final Parameter a; // (vocabulary, r), the file's transposed
  private final Parameter b;
  private final LoraEmbedding update;
  private @Nullable Vectors before;
  private @Nullable Vectors mine;

  /// @param tokens vocabulary size after attaching
  EmbeddingPlace(
      String path,
      Embedding embedding,
      int tokens,
      Lora spec,
      double scale,
      ParameterMemory room,
      Source source) {
    this.path = path;
    this.embedding = embedding;
    int rank = spec.rank(path);
    this.a = room.parameter(PeftFiles.nameOfEmbeddingA(path), tokens, rank);
    this.b = room.parameter(PeftFiles.nameOfEmbeddingB(path), embedding.table().in(), rank);
    if (!room.dry()) {
      source.embedding(path, a.master(), b.master());
      ParameterMemory.round(a);
      ParameterMemory.round(b);
    }
    this.update = new LoraEmbedding(a, b, scale * spec.scaling(path));
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public boolean free() {
    return embedding.vectors().added() == null;
  }

  @Override
  public boolean there() {
    return mine != null && embedding.vectors() == mine;
  }

  @Override
  public void put() {
    before = embedding.vectors();
    Embedding.Update under = before.added();
    Embedding.Update all = under == null ? update : under.and(update);
    mine = new Vectors(before.table(), before.trained(), before.rows(), all);
    embedding.set(mine);
  }

  @Override
  public void remove() {
    embedding.set(Objects.requireNonNull(before));
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(a, b);
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    Tensor master = a.master();
    Tensor stored = scope.tensor(master.dtype(), master.cols(), master.rows());
    for (int r = 0; r < master.rows(); r++) {
      for (int c = 0; c < master.cols(); c++) {
        stored.set(c, r, master.get(r, c));
      }
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(a.name(), stored);
    tensors.put(b.name(), b.master());
    return tensors;
  }
}
