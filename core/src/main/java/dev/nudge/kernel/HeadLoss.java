package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// Fuses the output head with cross-entropy, for labelled rows only and without ever holding the
/// logits of all of them.
///
///     z = h·Wᵀ,  logprob = z_t − logsumexp(z),  dz = (softmax(z) − onehot(t)) · weight,  dh = dz·W
///     dW += dzᵀ·h                          (only where the head trains)
///
/// Some families scale the logits z, or cap them softly ([SoftCap]): that comes before the softmax,
/// and its slope behind its gradient.
///
/// Rows are taken in chunks whose fp32 logits are a few megabytes, or in tiles of a packed weight.
/// The gradient is made at once in the forward pass and written over the logits, so the backward
/// pass is nothing. With `weight` = 1/(trained tokens of the whole step), gradients of
/// micro-batches and lanes just add up. A row may count more or less than others: its gradient is
/// made with its own factor.
///
/// With a packed weight rows of zeros fill a tile, which is faster than several small tiles.
public final class HeadLoss {
  private static final long CHUNK_BYTES = 16 << 20;

  /// Rows of a chunk with a packed weight, the largest tile of a packed product: 64 rows run
  /// at 79 % of its rate, since the weight comes from far away.
  private static final int PACKED_CHUNK = 256;

  private static final int TILE = 64;
  private static final int MOST_TILES = 2; // where more tiles are needed, a whole chunk is as fast

  private HeadLoss() {}

  /// The head's weight as the factor of each direction.
  ///
  /// @param up (width, vocabulary)
  /// @param down (vocabulary, width)
  /// @param shape of the logits
  public record Weight(Packed up, Packed down, Logits shape) {
    /// A plain weight (vocabulary, width).
    public static Weight of(Tensor w) {
      return of(w, Logits.PLAIN);
    }

    /// The same with a shape of the logits.
    public static Weight of(Tensor w, Logits shape) {
      return new Weight(Packed.plain(w.transposed()), Packed.plain(w), shape);
    }

    int vocabulary() {
      return up.factor().cols();
    }

    /// Rows of a chunk.
    public int chunk(Dtype acc) {
      long rows = CHUNK_BYTES / ((long) vocabulary() * acc.bytes());
      return up.packed() ? PACKED_CHUNK : (int) Math.clamp(rows / 16 * 16, 16, 1024);
    }

    /// Rows to multiply where `rows` are wanted: the rest is company.
    private int company(int rows) {
      if (!up.packed()) {
        return Math.max(2, rows);
      }
      int tiles = (rows + TILE - 1) / TILE;
      return tiles > MOST_TILES ? PACKED_CHUNK : rows > TILE / 4 ? tiles * TILE : rows;
    }
  }

  /// What is done to logits before the softmax.
  ///
  /// @param scale of them
  /// @param cap their soft bound; 0: none
  public record Logits(double scale, double cap) {
    /// They stay as they are.
    public static final Logits PLAIN = new Logits(1, 0);

    /// Scales and caps, in place.
    public void apply(Tensor logits, Kernels kernels) {
      if (cap != 0) {
        kernels.softCap().forward(logits, scale, cap);
      } else if (scale != 1) {
        kernels.elementwise().scale(logits, scale);
      }
    }
  }

  /// A chunk of labelled rows on the way back.
  ///
  /// @param from index of its first row among all
  /// @param rows of it; what stands behind them in h, dz and dh is company, and zero
  /// @param h hidden rows
  /// @param dz (rows, vocabulary) the gradient of the product's logits
  /// @param dh (rows, width) the gradient of h, added to
  public record Rows(int from, int rows, Tensor h, Tensor dz, Tensor dh) {}

  /// What a head does beside the product with its frozen weight.
  public interface Beside {
    /// Adds to the logits.
    ///
    /// @param from index of the chunk's first row among all
    /// @param rows of the chunk; what stands behind them is company
    /// @param h (rows, width)
    /// @param z (rows, vocabulary) accumulator type, added to
    default void forward(int from, int rows, Tensor h, Tensor z, Workspace ws) {}

    /// Adds gradients.
    void backward(Rows r, Workspace ws);

    /// The gradient of a weight that trains: dW += dzᵀ·h; rows of company are zero, and so are
    /// their logits.
    ///
    /// @param dW (vocabulary, width) accumulator type, of each lane
    static Beside of(IntFunction<Tensor> dW) {
      return (r, ws) -> ws.gemm().multiply(r.dz.transposed(), r.h, dW.apply(ws.lane()), true);
    }
  }

  /// Computes log-probabilities of the targets.
  ///
  /// @param h (n, width) normalised hidden rows
  /// @param beside what else the head does; null where it is one weight
  /// @param targets (n, 1) I32
  /// @param logprob (n, 1) F64, written
  /// @param argmax (n, 1) I32, written; may be null
  public static void score(
      Tensor h,
      Weight w,
      @Nullable Beside beside,
      Tensor targets,
      Tensor logprob,
      @Nullable Tensor argmax,
      Workspace ws,
      Kernels kernels) {
    run(h, w, targets, 0, null, logprob, argmax, null, beside, ws, kernels);
  }

  /// Computes log-probabilities and the gradient of −weight · Σ logprob, or with a factor for each
  /// row −weight · Σ factor · logprob.
  ///
  /// @param factors of the rows; null: 1
  /// @param dh (n, width) accumulator type, written
  /// @param beside what else the head does; null where it is one frozen weight
  public static void train(
      Tensor h,
      Weight w,
      Tensor targets,
      double weight,
      double @Nullable [] factors,
      Tensor logprob,
      Tensor dh,
      @Nullable Beside beside,
      Workspace ws,
      Kernels kernels) {
    run(h, w, targets, weight, factors, logprob, null, dh, beside, ws, kernels);
  }

  private static void run(
      Tensor h,
      Weight w,
      Tensor targets,
      double weight,
      double @Nullable [] factors,
      Tensor logprob,
      @Nullable Tensor argmax,
      @Nullable Tensor dh,
      @Nullable Beside beside,
      Workspace ws,
      Kernels kernels) {
    Dtype acc = h.dtype().accumulator();
    int vocabulary = w.vocabulary();
    int step = Math.min(h.rows(), w.chunk(acc));
    int mark = ws.mark();
    int most = w.company(step);
    Tensor logits = ws.take(acc, most, vocabulary);
    Tensor lse = ws.take(acc, step, 1);
    Logits shape = w.shape();
    Tensor kept = shape.cap() != 0 && dh != null ? ws.take(acc, step, vocabulary) : null;
    int filled = w.up().packed() ? most : 2; // a plain weight wants company for a single row only
    Tensor hidden = ws.take(h.dtype(), filled, h.cols());
    Tensor gradient = ws.take(acc, filled, h.cols());
    for (int from = 0; from < h.rows(); from += step) {
      int to = Math.min(h.rows(), from + step);
      int rows = to - from;
      int all = w.company(rows);
      Tensor z = logits.rows(0, rows);
      Tensor l = lse.rows(0, rows);
      Tensor t = targets.rows(from, to);
      if (all > rows) {
        ws.zero(hidden);
        kernels.elementwise().copy(h.rows(from, to), hidden.rows(0, rows));
      }
      Tensor right = all > rows ? hidden.rows(0, all) : h.rows(from, to);
      ws.gemm().multiply(right, w.up(), logits.rows(0, all), false);
      if (beside != null) {
        beside.forward(from, rows, right, logits.rows(0, all), ws);
      }
      shape.apply(z, kernels);
      kernels
          .crossEntropy()
          .forward(z, t, logprob.rows(from, to), l, argmax == null ? null : argmax.rows(from, to));
      if (dh != null) {
        Tensor dz = overlay(logits.rows(0, all), h.dtype());
        if (kept != null) {
          kernels.elementwise().copy(z, kept.rows(0, rows));
        }
        double slope = kept == null ? shape.scale() : 1;
        for (int i = 0, end; i < rows; i = end) { // rows that count alike, most often all
          end = factors == null ? rows : alike(factors, from + i, to) - from;
          double factor = factors == null ? 1 : factors[from + i];
          kernels
              .crossEntropy()
              .gradient(
                  z.rows(i, end),
                  t.rows(i, end),
                  l.rows(i, end),
                  slope * weight * factor,
                  dz.rows(i, end));
        }
        if (kept != null) {
          kernels
              .softCap()
              .backward(kept.rows(0, rows), dz.rows(0, rows), shape.scale(), shape.cap());
        }
        Tensor down = all > rows ? gradient.rows(0, all) : dh.rows(from, to);
        ws.gemm().multiply(dz, w.down(), down, false);
        if (beside != null) {
          beside.backward(new Rows(from, rows, right, dz, down), ws);
        }
        if (all > rows) {
          kernels.elementwise().copy(gradient.rows(0, rows), dh.rows(from, to));
        }
      }
    }
    ws.release(mark);
  }

  /// The end of the rows from one on that count as it does.
  private static int alike(double[] factors, int from, int most) {
    int end = from + 1;
    while (end < most && factors[end] == factors[from]) {
      end++;
    }
    return end;
  }

  /// The memory of `z` seen as rows of a type that is no wider, each starting where z's row starts.
  private static Tensor overlay(Tensor z, Dtype dtype) {
    int ratio = z.dtype().bytes() / dtype.bytes();
    return Tensor.of(z.data(), dtype, z.rows(), (long) z.cols() * ratio).cols(0, z.cols());
  }
}
