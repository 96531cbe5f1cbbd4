package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A frozen linear layer whose weight is quantised, or not in the compute type.
///
/// Each product dequantises the weight into the lane's workspace and frees it: one weight a lane,
/// at about ten numbers a nanosecond, as costly as ten to twenty tokens of the product. A layer
/// streamed from disk instead dequantises some rows of its weight at a time ([#ofRows]).
public final class StoredLinear implements LookupLinear {
  private final Source source;
  private final @Nullable Tensor bias;
  private final Dtype compute;
  private final long blockBytes;

  /// A weight in its storage format.
  public interface Source {
    /// Rows: the layer's output width.
    int rows();

    /// Columns: the layer's input width.
    int cols();

    /// Dequantises rows `from` (inclusive) to `to` (exclusive).
    ///
    /// @param from a multiple of [#grain]
    /// @param out (to − from, cols), contiguous, any float type, written
    void make(int from, int to, Tensor out, Workspace ws, Kernels kernels);

    /// Returns the row granularity at which the weight can be split.
    default int grain() {
      return 1;
    }

    /// Returns the weight for products of few rows in its storage format; null: unsupported.
    default SkinnyProduct.@Nullable Weight few() {
      return null;
    }
  }

  /// A matrix in the float type of its file.
  private record Matrix(Tensor tensor) implements Source {
    @Override
    public int rows() {
      return tensor.rows();
    }

    @Override
    public int cols() {
      return tensor.cols();
    }

    @Override
    public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
      kernels.elementwise().copy(tensor.rows(from, to), out);
    }
  }

  private StoredLinear(Source source, @Nullable Tensor bias, Dtype compute, long blockBytes) {
    this.source = source;
    this.bias = bias;
    this.compute = compute;
    this.blockBytes = blockBytes;
  }

  /// Wraps a weight (out, in) and a bias (1, out) in the compute type.
  public static StoredLinear of(Source source, @Nullable Tensor bias, Dtype compute) {
    return new StoredLinear(source, bias, compute, Long.MAX_VALUE);
  }

  /// Wraps a weight; a forward product dequantises at most `blockBytes` bytes at a time.
  public static StoredLinear ofRows(
      Source source, @Nullable Tensor bias, Dtype compute, long blockBytes) {
    return new StoredLinear(source, bias, compute, blockBytes);
  }

  /// Wraps a matrix (out, in) of any float type as a source.
  public static Source source(Tensor matrix) {
    return new Matrix(matrix);
  }

  /// The weight in its storage format.
  public Source source() {
    return source;
  }

  @Override
  public int in() {
    return source.cols();
  }

  @Override
  public int out() {
    return source.rows();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    if (p.few(x, List.of(this), List.of(y))) {
      return;
    }
    Packed kept = kept(p);
    if (kept != null) {
      p.gemm().multiply(x, kept, y, false);
      addBias(y, p);
      return;
    }
    int step = rowsOf(blockBytes, compute);
    int mark = p.ws().mark();
    if (step == out()) {
      dense(p).forward(x, y, p);
      p.ws().release(mark);
      return;
    }
    for (int from = 0; from < out(); from += step) {
      int to = Math.min(out(), from + step);
      Tensor block = weight(from, to, p.ws(), p.kernels());
      Tensor factor = block.transposed();
      Packed packed = p.batchInvariant() ? p.ws().pack(factor) : Packed.plain(factor);
      p.gemm().multiply(x, packed, y.cols(from, to), false);
      p.ws().release(mark);
    }
    addBias(y, p);
  }

  @Override
  public Dtype dtype() {
    return compute;
  }

  /// @throws IllegalArgumentException if the weight cannot be split at every row
  @Override
  public void lookUp(Tensor ids, Tensor x, Pass p) {
    for (int r = 0; r < x.rows(); r++) {
      int id = p.ws().dry() ? 0 : (int) ids.at(r);
      source.make(id, id + 1, x.rows(r, r + 1), p.ws(), p.kernels());
    }
  }

  /// Returns whether the weight is dequantised some rows at a time.
  public boolean inPieces() {
    return rowsOf(blockBytes, compute) < out();
  }

  /// Computes y = x·Wᵀ, or y = x·W, dequantising some rows of W at a time.
  ///
  /// @param y accumulator type for y = x·W
  public void multiply(Tensor x, Direction direction, Tensor y, Workspace ws, Kernels kernels) {
    int step = rowsOf(blockBytes, compute);
    int mark = ws.mark();
    for (int from = 0; from < out(); from += step) {
      int to = Math.min(out(), from + step);
      Tensor block = weight(from, to, ws, kernels);
      if (direction == Direction.FORWARD) {
        ws.gemm().multiply(x, Packed.plain(block.transposed()), y.cols(from, to), false);
      } else {
        ws.gemm().multiply(x.cols(from, to), Packed.plain(block), y, from > 0);
      }
      ws.release(mark);
    }
  }

  @Override
  public SkinnyProduct.@Nullable Weight few() {
    return source.few();
  }

  private void addBias(Tensor y, Pass p) {
    if (bias != null) {
      p.kernels().elementwise().addBias(y, bias);
    }
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    if (dx != null) {
      int mark = p.ws().mark();
      dense(p).backward(dy, dx, add, p);
      p.ws().release(mark);
    }
    return Gradients.NONE;
  }

  @Override
  public @Nullable Linear ready(int rows, Direction direction, Pass p) {
    if (inPieces()) {
      return null;
    }
    Packed kept = direction == Direction.FORWARD ? kept(p) : null;
    return kept == null
        ? dense(p).ready(rows, direction, p)
        : PackedLinear.ready(this, kept, bias, direction);
  }

  private @Nullable Packed kept(Pass p) {
    return inPieces() ? null : p.kept(this, () -> weight(p.ws(), p.kernels()));
  }

  /// Returns this layer as a dense one, its weight dequantised into the workspace.
  private DenseLinear dense(Pass p) {
    return DenseLinear.of(weight(p.ws(), p.kernels()), bias);
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    Tensor rows = ws.take(compute, to - from, in());
    source.make(from, to, rows, ws, kernels);
    return rows;
  }

  @Override
  public int grain() {
    return source.grain();
  }

  @Override
  public @Nullable Tensor bias() {
    return bias;
  }

  @Override
  public void parameters(Consumer<Parameter> each) {}
}
