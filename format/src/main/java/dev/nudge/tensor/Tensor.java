package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Views a [MemorySegment] as an array of numbers with a type, a shape and strides.
///
/// Element (i, j, …) is at element offset i·stride(0) + j·stride(1) + … from the first byte of
/// [#data]. A view never owns memory: its [Scope] or [Workspace] does. Little-endian, any
/// alignment.
///
/// Threading: immutable; its numbers are as shared as their memory.
public final class Tensor {
  private final MemorySegment data;
  private final Dtype dtype;
  private final long[] shape;
  private final long[] strides;

  private Tensor(MemorySegment data, Dtype dtype, long[] shape, long[] strides) {
    this.data = data;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
  }

  /// Views the start of `data` as a contiguous, row-major tensor.
  public static Tensor of(MemorySegment data, Dtype dtype, long... shape) {
    long[] strides = new long[shape.length];
    long elements = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      strides[i] = elements;
      elements = Math.multiplyExact(elements, shape[i]);
    }
    long bytes = Math.multiplyExact(elements, dtype.bytes());
    if (bytes > data.byteSize()) {
      throw new IllegalArgumentException(
          dtype + Arrays.toString(shape) + " needs " + bytes + " bytes, has " + data.byteSize());
    }
    return new Tensor(data.asSlice(0, bytes), dtype, shape.clone(), strides);
  }

  /// Unmapped addresses in place of memory in a dry run; never read or written.
  static MemorySegment nowhere(long bytes) {
    return MemorySegment.ofAddress(1 << 20).reinterpret(bytes);
  }

  /// Returns a contiguous tensor without memory, for dry runs: it has a shape and must not be read.
  public static Tensor dry(Dtype dtype, long... shape) {
    return of(nowhere(Long.MAX_VALUE / 4), dtype, shape);
  }

  /// Returns the memory from the first element on.
  public MemorySegment data() {
    return data;
  }

  public Dtype dtype() {
    return dtype;
  }

  /// Number of dimensions.
  public int rank() {
    return shape.length;
  }

  public long shape(int i) {
    return shape[i];
  }

  /// Returns a copy of the shape.
  public long[] shape() {
    return shape.clone();
  }

  /// Returns the distance in elements between adjacent indices of dimension `i`.
  public long stride(int i) {
    return strides[i];
  }

  /// Number of elements.
  public long elements() {
    long n = 1;
    for (long s : shape) {
      n *= s;
    }
    return n;
  }

  /// Bytes of the elements, without gaps between rows.
  public long bytes() {
    return elements() * dtype.bytes();
  }

  /// Rows of a matrix.
  public int rows() {
    return Math.toIntExact(shape[matrix(0)]);
  }

  /// Columns of a matrix.
  public int cols() {
    return Math.toIntExact(shape[matrix(1)]);
  }

  /// Elements from one row of a matrix to the next.
  public long rowStride() {
    return strides[matrix(0)];
  }

  /// Returns a view of rows `from` (inclusive) to `to` (exclusive) of a matrix.
  public Tensor rows(int from, int to) {
    check(from, to, rows());
    return view(from * rowStride(), new long[] {to - from, shape[1]}, strides);
  }

  /// Returns a view of columns `from` (inclusive) to `to` (exclusive) of a matrix.
  public Tensor cols(int from, int to) {
    check(from, to, cols());
    return view(from * strides[1], new long[] {shape[0], to - from}, strides);
  }

  /// Returns a view with the last two dimensions exchanged.
  public Tensor transposed() {
    long[] s = shape.clone();
    long[] t = strides.clone();
    int n = shape.length;
    s[n - 1] = shape[n - 2];
    s[n - 2] = shape[n - 1];
    t[n - 1] = strides[n - 2];
    t[n - 2] = strides[n - 1];
    return new Tensor(data, dtype, s, t);
  }

  /// Returns another view of this tensor's memory, `offset` elements after this tensor's first.
  ///
  /// @throws IndexOutOfBoundsException if it would leave this tensor's memory
  public Tensor view(long offset, long[] shape, long[] strides) {
    long last = 0;
    boolean empty = false;
    for (int i = 0; i < shape.length; i++) {
      last += (shape[i] - 1) * strides[i];
      empty |= shape[i] == 0;
    }
    long bytes = empty ? 0 : (last + 1) * dtype.bytes();
    long start = empty ? 0 : offset * dtype.bytes();
    return new Tensor(data.asSlice(start, bytes), dtype, shape.clone(), strides.clone());
  }

  /// Returns a view of the elements under another shape; the tensor must be contiguous.
  public Tensor reshaped(long... shape) {
    if (!contiguous()) {
      throw new IllegalArgumentException("only a contiguous tensor can be reshaped: " + this);
    }
    Tensor t = of(data, dtype, shape);
    if (t.elements() != elements()) {
      throw new IllegalArgumentException(this + " has not the elements of " + t);
    }
    return t;
  }

  /// Whether the elements are stored row-major without gaps.
  public boolean contiguous() {
    long expected = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      if (shape[i] != 1 && strides[i] != expected) {
        return false;
      }
      expected *= shape[i];
    }
    return true;
  }

  /// Returns whether two views start at the same byte of memory.
  public boolean sameStart(Tensor other) {
    return data.address() == other.data.address();
  }

  /// One number of a matrix, as a double. Slow: for plain code and tests.
  public double get(long r, long c) {
    return read(r * strides[matrix(0)] + c * strides[1]);
  }

  /// Sets one number of a matrix, rounded once.
  public void set(long r, long c, double value) {
    write(r * strides[matrix(0)] + c * strides[1], value);
  }

  /// One number of a contiguous tensor by its flat index.
  public double at(long i) {
    return read(i);
  }

  /// Sets one number of a contiguous tensor by its flat index, rounded once.
  public void put(long i, double value) {
    write(i, value);
  }

  /// Sets every byte to zero; contiguous tensors only.
  public void zero() {
    if (!contiguous()) {
      throw new IllegalArgumentException("only a contiguous tensor can be zeroed: " + this);
    }
    data.fill((byte) 0);
  }

  private double read(long i) {
    return switch (dtype) {
      case F64 -> data.get(JAVA_DOUBLE_UNALIGNED, i * 8);
      case F32 -> data.get(JAVA_FLOAT_UNALIGNED, i * 4);
      case F16 -> Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, i * 2));
      case BF16 -> Bf16.toFloat(data.get(JAVA_SHORT_UNALIGNED, i * 2));
      case I64 -> data.get(JAVA_LONG_UNALIGNED, i * 8);
      case I32 -> data.get(JAVA_INT_UNALIGNED, i * 4);
      case I16 -> data.get(JAVA_SHORT_UNALIGNED, i * 2);
      case I8 -> data.get(JAVA_BYTE, i);
      case U8, BOOL -> data.get(JAVA_BYTE, i) & 0xff;
    };
  }

  private void write(long i, double v) {
    switch (dtype) {
      case F64 -> data.set(JAVA_DOUBLE_UNALIGNED, i * 8, v);
      case F32 -> data.set(JAVA_FLOAT_UNALIGNED, i * 4, (float) v);
      case F16 -> data.set(JAVA_SHORT_UNALIGNED, i * 2, Float.floatToFloat16((float) v));
      case BF16 -> data.set(JAVA_SHORT_UNALIGNED, i * 2, Bf16.round(v));
      case I64 -> data.set(JAVA_LONG_UNALIGNED, i * 8, (long) v);
      case I32 -> data.set(JAVA_INT_UNALIGNED, i * 4, (int) v);
      case I16 -> data.set(JAVA_SHORT_UNALIGNED, i * 2, (short) v);
      case I8, U8, BOOL -> data.set(JAVA_BYTE, i, (byte) v);
    }
  }

  private int matrix(int dimension) {
    if (shape.length != 2) {
      throw new IllegalArgumentException("not a matrix: " + this);
    }
    return dimension;
  }

  private static void check(int from, int to, int size) {
    if (from < 0 || to < from || to > size) {
      throw new IndexOutOfBoundsException(from + " to " + to + " of " + size);
    }
  }

  @Override
  public String toString() {
    return dtype + Arrays.toString(shape);
  }
}
