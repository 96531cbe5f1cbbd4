package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// Fuses the output head with cross-entropy, for labelled rows only: never holds the logits of all
/// rows (chunked or "cut" cross-entropy).
///
///     z = h·Wᵀ,  logprob = z_t − logsumexp(z),  dz = (softmax(z) − onehot(t)) · weight,  dh = dz·W
///     dW += dzᵀ·h                          (only if the head trains)
///
/// Some families scale the logits z or soft-cap them ([SoftCap]), before the softmax; the gradient
/// is multiplied by the slope.
///
/// Rows are processed in chunks whose fp32 logits are a few megabytes, or in tiles of a packed
/// weight. The forward pass computes the gradient of the logits in place at once, so no backward
/// pass of the head follows. With `weight` = 1/(trained tokens of the whole step), gradients of
/// micro-batches and lanes just add up. A row's own loss weight, if any, multiplies its gradient.
///
/// With a packed weight rows of zeros pad a tile, which is faster than several small tiles.
public final class HeadLoss {
  private static final long CHUNK_BYTES = 16 << 20;

  /// Rows of a chunk with a packed weight, the largest tile of a packed product: 64 rows run at 79
  /// % of its rate, because the weight is streamed from main memory.
  private static final int PACKED_CHUNK = 256;

  private static final int TILE = 64;
  private static final int MOST_TILES = 2; // above this, a whole chunk is as fast

  private HeadLoss() {}

  /// A product of rows with the head's weight, in one direction.
  public interface Product {
    /// Computes y from x.
    void multiply(Tensor x, Tensor y, Workspace ws);

    /// Multiplies by a stored factor.
    static Product of(Packed factor) {
      return (x, y, ws) -> ws.gemm().multiply(x, factor, y, false);
    }
  }

  /// The products with the head's weight.
  ///
  /// @param up hidden states (rows, width) → logits (rows, vocabulary)
  /// @param down gradient of the logits → gradient of the hidden states
  /// @param tiled whether a product has a high fixed cost, so chunks are large: the weight is
  ///     packed, or built for each product
  /// @param padded whether rows of zeros fill a tile
  /// @param shape scaling and soft cap of the logits
  public record Weight(
      Product up, Product down, int vocabulary, boolean tiled, boolean padded, Logits shape) {
    /// Wraps stored factors.
    ///
    /// @param up (width, vocabulary)
    /// @param down (vocabulary, width)
    public Weight(Packed up, Packed down, Logits shape) {
      this(Product.of(up), Product.of(down), up.factor().cols(), up.packed(), up.packed(), shape);
    }

    /// Wraps a weight built for each product.
    public static Weight made(Product up, Product down, int vocabulary, Logits shape) {
      return new Weight(up, down, vocabulary, true, false, shape);
    }

    /// Wraps a plain (vocabulary, width).
    public static Weight of(Tensor w) {
      return of(w, Logits.PLAIN);
    }

    /// Wraps a plain (vocabulary, width), with scaled and capped logits.
    public static Weight of(Tensor w, Logits shape) {
      return new Weight(Packed.plain(w.transposed()), Packed.plain(w), shape);
    }

    /// Rows of a chunk.
    public int chunk(Dtype acc) {
      long rows = CHUNK_BYTES / ((long) vocabulary() * acc.bytes());
      return tiled ? PACKED_CHUNK : (int) Math.clamp(rows / 16 * 16, 16, 1024);
    }

    /// Returns the rows to multiply, `rows` plus padding.
    private int company(int rows) {
      if (!padded) {
        return Math.max(2, rows);
      }
      int tiles = (rows + TILE - 1) / TILE;
      return tiles > MOST_TILES ? PACKED_CHUNK : rows > TILE / 4 ? tiles * TILE : rows;
    }
  }

  /// Scales and soft-caps logits before the softmax.
  ///
  /// @param scale factor of the logits
  /// @param cap soft cap; 0: none
  public record Logits(double scale, double cap) {
    /// Leaves logits as they are.
    public static final Logits PLAIN = new Logits(1, 0);

    /// Divides the scaled and capped logits by a temperature.
    public Logits at(double temperature) {
      return new Logits(scale / temperature, cap / temperature);
    }

    /// Scales and caps, in place.
    public void apply(Tensor logits, Kernels kernels) {
      if (cap != 0) {
        kernels.softCap().forward(logits, scale, cap);
      } else if (scale != 1) {
        kernels.elementwise().scale(logits, scale);
      }
    }
  }

  /// A chunk of labelled rows in the backward pass.
  ///
  /// @param from index of its first row in the batch
  /// @param rows of the chunk; further rows of h and dz are zero padding
  /// @param h hidden states
  /// @param dz (rows, vocabulary) the gradient of the product's logits
  /// @param dh (rows, width) the gradient of h, added to
  public record Rows(int from, int rows, Tensor h, Tensor dz, Tensor dh) {}

  /// Adds an adapter's logits, or gradients of trained weights, beside the head's frozen weight.
  public interface Beside {
    /// Adds to the logits.
    ///
    /// @param from index of the chunk's first row in the batch
    /// @param rows of the chunk; further rows of h and z are padding
    /// @param h (rows, width)
    /// @param z (rows, vocabulary) accumulator type, added to
    default void forward(int from, int rows, Tensor h, Tensor z, Workspace ws) {}

    /// Adds gradients.
    void backward(Rows r, Workspace ws);

    /// Accumulates the gradient of a trained weight: dW += dzᵀ·h; padding rows are zero in both
    /// factors.
    ///
    /// @param dW the gradient of each lane, (vocabulary, width), accumulator type
    static Beside of(IntFunction<Tensor> dW) {
      return (r, ws) -> ws.gemm().multiply(r.dz.transposed(), r.h, dW.apply(ws.lane()), true);
    }
  }

  /// Computes log-probabilities of the targets.
  ///
  /// @param h (n, width) normalised hidden states
  /// @param beside adapter of the head; null: the frozen weight alone
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

  /// Computes log-probabilities and the gradient of −weight · Σ logprob, or with row weights of
  /// −weight · Σ factor · logprob.
  ///
  /// @param factors loss weight of each row; null: 1
  /// @param dh (n, width) accumulator type, written
  /// @param beside adapter or trained weight of the head; null: the frozen weight alone
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
    int filled = w.padded() ? most : 2; // a plain weight pads a single row only
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
      w.up().multiply(right, logits.rows(0, all), ws);
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
        for (int i = 0, end; i < rows; i = end) { // rows of equal weight, most often all
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
        w.down().multiply(dz, down, ws);
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

  /// Returns the end of the rows from `from` on that share a factor.
  private static int alike(double[] factors, int from, int most) {
    int end = from + 1;
    while (end < most && factors[end] == factors[from]) {
      end++;
    }
    return end;
  }

  /// Views `z`'s memory as rows of a type that is no wider, each at the address of z's row.
  private static Tensor overlay(Tensor z, Dtype dtype) {
    int ratio = z.dtype().bytes() / dtype.bytes();
    return Tensor.of(z.data(), dtype, z.rows(), (long) z.cols() * ratio).cols(0, z.cols());
  }
}
