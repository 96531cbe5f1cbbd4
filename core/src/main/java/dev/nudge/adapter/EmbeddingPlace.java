package dev.nudge.adapter;

import dev.nudge.adapter.targets.Lora;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Embedding.Vectors;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
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

  /// Adds a low-rank update to the vectors of the vocabulary: x = e[id] + s·A[id]·Bᵀ. [1]
  ///
  /// A is stored with a row for each token, so that it is looked up like the embedding; files hold
  /// it
  /// transposed. A is zero at first and B random, as in PEFT; there is no dropout.
  ///
  ///     x += s·A[ids]·Bᵀ        dB += dxᵀ·s·A[ids]        dA[ids] += s·dx·B
  ///
  /// [1] Hu et al., LoRA, arXiv:2106.09685.
  private static final class LoraEmbedding implements Embedding.Update {
    private final Parameter a; // (vocabulary, r)
    private final Parameter b; // (width, r)
    private final double scaling;

    LoraEmbedding(Parameter a, Parameter b, double scaling) {
      this.a = a;
      this.b = b;
      this.scaling = scaling;
    }

    @Override
    public void forward(Tensor ids, Tensor x, Pass p) {
      Workspace ws = p.ws();
      int mark = ws.mark();
      p.product(rows(ids, x.dtype(), p), b.work(), x, true);
      ws.release(mark);
    }

    /// s·A[ids].
    private Tensor rows(Tensor ids, Dtype dtype, Pass p) {
      Tensor rows = p.ws().take(dtype, ids.rows(), a.work().cols());
      p.kernels().elementwise().gather(a.work(), ids, rows);
      p.kernels().elementwise().scale(rows, scaling);
      return rows;
    }

    @Override
    public void backward(Tensor ids, Tensor dx, int padding, Pass p) {
      Workspace ws = p.ws();
      int mark = ws.mark();
      Dtype compute = a.work().dtype();
      Tensor low = dx;
      if (dx.dtype() != compute) {
        low = ws.take(compute, dx.rows(), dx.cols());
        p.kernels().elementwise().copy(dx, low);
      }
      p.gemm().multiply(low.transposed(), rows(ids, compute, p), b.gradient(ws.lane()), true);
      Tensor dA = ws.take(dx.dtype(), dx.rows(), a.work().cols());
      p.gemm().multiply(low, Packed.plain(b.work()), dA, false);
      p.kernels().elementwise().scale(dA, scaling);
      p.kernels().elementwise().scatter(dA, ids, padding, a.gradient(ws.lane()));
      ws.release(mark);
    }

    @Override
    public void parameters(Consumer<Parameter> each) {
      each.accept(a);
      each.accept(b);
    }

    @Override
    public void addTo(Tensor sum, int from, int to, Workspace ws, Kernels kernels) {
      int mark = ws.mark();
      Tensor scaled = ws.take(a.master().dtype(), to - from, a.master().cols());
      kernels.elementwise().copy(a.master().rows(from, to), scaled);
      kernels.elementwise().scale(scaled, scaling);
      ws.gemm().multiply(scaled, b.master().transposed(), sum, true);
      ws.release(mark);
    }
  }
}
