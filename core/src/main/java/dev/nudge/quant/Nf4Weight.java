package dev.nudge.quant;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// A weight (rows, cols) in NF4, four bits a number, with scales in fp32 or double-quantised.
///
/// The matrix is split row-major into blocks of 64, across rows if their length is not a multiple
/// of 64; the last block may be short ([Nf4]). 4.5 bits a number, or 4.127 with [NestedScales].
///
/// A number is code · scale in fp32, rounded once to the compute type. bitsandbytes rounds to the
/// checkpoint's type first, which in fp32 is further from the exact value.
///
/// Threading: immutable; a scope or the mapped file owns the bytes.
public final class Nf4Weight implements StoredWeight {
  private final int rows;
  private final int cols;
  private final Tensor packed;
  private final @Nullable Tensor absmax;
  private final @Nullable NestedScales nested;
  private final SkinnyProduct.Quantized few;

  private Nf4Weight(
      int rows, int cols, Tensor packed, @Nullable Tensor absmax, @Nullable NestedScales nested) {
    long n = (long) rows * cols;
    expect("packed", packed, Dtype.U8, Nf4.bytes(n));
    if (absmax != null) {
      expect("absmax", absmax, Dtype.F32, Nf4.blocks(n));
    }
    if (nested != null && nested.count() != Nf4.blocks(n)) {
      throw new IllegalArgumentException(
          rows + " × " + cols + " has " + Nf4.blocks(n) + " scales, not " + nested.count());
    }
    this.rows = rows;
    this.cols = cols;
    this.packed = packed;
    this.absmax = absmax;
    this.nested = nested;
    this.few = new SkinnyProduct.Quantized(rows, cols, packed, scales(absmax, nested));
  }

  private static SkinnyProduct.Scales scales(
      @Nullable Tensor absmax, @Nullable NestedScales nested) {
    if (nested != null) {
      return new SkinnyProduct.Scales(nested.absmax(), nested.codes(), nested.offset());
    }
    return new SkinnyProduct.Scales(
        Objects.requireNonNull(absmax, "a weight without scales"), null, 0);
  }

  /// Wraps codes and scales, contiguous and of any shape.
  ///
  /// @param packed ⌈rows·cols/2⌉ of U8
  /// @param absmax ⌈rows·cols/64⌉ of F32
  public static Nf4Weight of(int rows, int cols, Tensor packed, Tensor absmax) {
    return new Nf4Weight(rows, cols, packed, absmax, null);
  }

  /// Wraps codes and double-quantised scales.
  public static Nf4Weight nested(int rows, int cols, Tensor packed, NestedScales scales) {
    return new Nf4Weight(rows, cols, packed, null, scales);
  }

  /// Quantises a contiguous matrix of any float type.
  ///
  /// @param doubleQuant whether to quantise the scales too
  /// @param scope owns the result; temporary memory is freed
  public static Nf4Weight quantize(
      Tensor source, boolean doubleQuant, Scope scope, Kernels kernels) {
    try (Scope meanwhile = Scope.open("scales")) {
      return quantize(source, doubleQuant, scope, kernels, n -> meanwhile.tensor(Dtype.F32, 1, n));
    }
  }

  /// Quantises one of many matrices, and reuses temporary memory for the scales.
  ///
  /// @param meanwhile maps a count of scales to memory, in use until this method returns; return
  ///     the same memory each time, because freeing it waits for all threads of the process
  public static Nf4Weight quantize(
      Tensor source,
      boolean doubleQuant,
      Scope scope,
      Kernels kernels,
      IntFunction<Tensor> meanwhile) {
    int rows = source.rows();
    int cols = source.cols();
    int blocks = Math.toIntExact(Nf4.blocks(source.elements()));
    Tensor packed = scope.tensor(Dtype.U8, 1, Nf4.bytes(source.elements()));
    Tensor absmax = doubleQuant ? meanwhile.apply(blocks) : scope.tensor(Dtype.F32, 1, blocks);
    kernels.nf4().quantize(source, packed, absmax);
    return doubleQuant
        ? nested(rows, cols, packed, NestedScales.quantize(absmax, scope))
        : of(rows, cols, packed, absmax);
  }

  /// A weight without memory, for dry runs.
  public static Nf4Weight dry(int rows, int cols, boolean doubleQuant) {
    long n = (long) rows * cols;
    Tensor packed = Tensor.dry(Dtype.U8, 1, Nf4.bytes(n));
    return doubleQuant
        ? nested(rows, cols, packed, NestedScales.dry(Nf4.blocks(n)))
        : of(rows, cols, packed, Tensor.dry(Dtype.F32, 1, Nf4.blocks(n)));
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int cols() {
    return cols;
  }

  /// The codes, ⌈rows·cols/2⌉ of U8.
  public Tensor packed() {
    return packed;
  }

  /// The scales, ⌈rows·cols/64⌉ of F32; null with double quantisation.
  public @Nullable Tensor absmax() {
    return absmax;
  }

  /// The double-quantised scales; null if the scales are fp32.
  public @Nullable NestedScales nested() {
    return nested;
  }

  @Override
  public SkinnyProduct.Weight few() {
    return few;
  }

  @Override
  public List<Tensor> parts() {
    return nested == null
        ? List.of(packed, Objects.requireNonNull(absmax))
        : List.of(packed, nested.codes(), nested.absmax());
  }

  /// The weight can be split at multiples of this many rows, which are whole blocks.
  @Override
  public int grain() {
    return Nf4.BLOCK / Math.max(1, Math.min(Nf4.BLOCK, Integer.lowestOneBit(cols)));
  }

  @Override
  public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
    if (from % grain() != 0) {
      throw new IllegalArgumentException("row " + from + " is no multiple of " + grain());
    }
    int mark = ws.mark();
    long first = (long) from * cols;
    long n = (long) (to - from) * cols;
    int block = Nf4.blocks(first);
    Tensor scales = absmax;
    if (nested != null) {
      scales = ws.take(Dtype.F32, 1, Nf4.blocks(n));
      if (!ws.dry()) {
        nested.dequantize(block, scales);
      }
    } else if (scales != null && n < (long) rows * cols) {
      scales = part(scales, block, Nf4.blocks(n));
    }
    if (scales == null) {
      throw new IllegalStateException("a weight without scales");
    }
    Tensor codes = n < (long) rows * cols ? part(packed, first / 2, Nf4.bytes(n)) : packed;
    Tensor all = scales;
    ws.rows(
        Nf4.blocks(n),
        Nf4.BLOCK,
        (begin, end) -> {
          long at = (long) Nf4.BLOCK * begin;
          long numbers = Math.min(n, (long) Nf4.BLOCK * end) - at;
          kernels
              .nf4()
              .dequantize(
                  part(codes, at / 2, Nf4.bytes(numbers)),
                  part(all, begin, end - begin),
                  part(out, at, numbers));
        });
    ws.release(mark);
  }

  private static Tensor part(Tensor t, long from, long elements) {
    return Tensor.of(t.data().asSlice(from * t.dtype().bytes()), t.dtype(), 1, elements);
  }

  private static void expect(String name, Tensor t, Dtype dtype, long elements) {
    if (t.dtype() != dtype || t.elements() != elements || !t.contiguous()) {
      throw new IllegalArgumentException(
          name + " is " + t + ", must be " + elements + " of " + dtype);
    }
  }
}
