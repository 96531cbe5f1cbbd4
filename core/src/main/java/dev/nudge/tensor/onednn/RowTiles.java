package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Multiplies rows in tiles of a few sizes, so that a row has the same bits for every number of
/// rows (batch invariance).
///
/// Each tile size is one compiled product; leftover rows go through the smallest tile, padded with
/// scratch contents. All tile sizes must sum in the same order:
/// - One kind of code computes all of them ([PackedLayout]), compiled for fixed sizes: code for
///   open sizes splits sums over more than about 400, other code computes below 16 rows in fp32.
/// - On AMX a sum over more than [#ONE_BLOCK] may be split in blocks, at other places for other
///   numbers of rows. For an fp32 result the code continues the sum that it wrote, which gives the
///   same bits wherever it is split. For a bf16 result it adds the blocks' sums, which does not.
///   So such a product is computed in fp32 and rounded once afterwards, as the code does for a sum
///   in one piece. A 32 KiB L1 cache holds the blocks of a sum over 256 [1].
/// - On AMX with several threads oneDNN may also split a sum over k between threads, at other
///   places for other numbers of rows. So one thread computes a tile there; [OneDnnGemm]
///   distributes tiles.
///
/// [1] oneDNN 3.13, `calc_k_blk` in `amx_blocking_heuristics.cpp` and `may_load_accumulators_` in
/// `jit_brgemm_amx_uker.cpp`.
///
/// Threading: confined to its [OneDnnGemm].
final class RowTiles implements AutoCloseable {
  /// Rows of a tile, largest first.
  static final int[] SIZES = {256, 64, 16};

  /// The longest sum that AMX code never splits.
  static final int ONE_BLOCK = 256;

  private static final int SMALLEST = 16;
  private static final long WIDEST = 1 << 20; // numbers of a tile that is made in fp32: 4 MiB

  /// Computes the product of one tile.
  interface Products {
    /// @param onAmx whether AMX may compute the product
    /// @param layout of `b`; [Primitive#OPEN_SIZES] or [Primitive#FIXED_SIZES] if it is plain
    void execute(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout);

    /// Converts a matrix to another type of the same shape.
    void cast(Tensor from, Tensor to);
  }

  private final Products products;
  private Scratch tile = Scratch.none();
  private Scratch columns = Scratch.none();

  RowTiles(Products products) {
    this.products = products;
  }

  /// Computes c = a·b, or c += a·b where `add`.
  ///
  /// @param layout of `b`, [Primitive#FIXED_SIZES] if plain
  /// @param onAmx whether AMX computes products with `b`
  void multiply(Tensor a, Tensor b, long layout, boolean onAmx, Tensor c, boolean add) {
    boolean wide = inFp32(onAmx, c.dtype(), a.shape(1));
    boolean gapped = onAmx && Primitive.anyOpen(a.rows(0, 1), c.rows(0, 1));
    int rows = c.rows();
    int from = 0;
    for (int tile : SIZES) {
      boolean fits = !wide || tile * c.shape(1) <= WIDEST || tile == SMALLEST;
      for (; fits && !gapped && rows - from >= tile; from += tile) {
        boolean whole = from == 0 && rows == tile;
        Tensor x = whole ? a : a.rows(from, from + tile);
        Tensor y = whole ? c : c.rows(from, from + tile);
        if (wide) {
          rounded(x, b, layout, y, add);
        } else {
          products.execute(x, b, y, add, onAmx, layout);
        }
      }
    }
    for (int to; from < rows; from = to) {
      to = Math.min(rows, from + SMALLEST);
      company(a.rows(from, to), b, layout, onAmx, wide, c.rows(from, to), add);
    }
  }

  /// Whether a product is computed in fp32 and rounded afterwards.
  static boolean inFp32(boolean onAmx, Dtype result, long k) {
    return onAmx && result == Dtype.BF16 && k > ONE_BLOCK;
  }

  /// Multiplies a tile on AMX into fp32 and rounds it.
  private void rounded(Tensor a, Tensor b, long layout, Tensor c, boolean add) {
    Tensor sums = Tensor.of(scratch(4 * c.elements()), Dtype.F32, c.shape(0), c.shape(1));
    if (add) {
      products.cast(c, sums);
    }
    products.execute(a, b, sums, add, true, layout);
    products.cast(sums, c);
  }

  /// Multiplies at most a smallest tile's rows, padded with scratch contents.
  private void company(
      Tensor a, Tensor b, long layout, boolean onAmx, boolean wide, Tensor c, boolean add) {
    long aBytes = SMALLEST * a.shape(1) * a.dtype().bytes();
    long cBytes = SMALLEST * c.shape(1) * c.dtype().bytes();
    MemorySegment memory = scratch(aBytes + cBytes + (wide ? 2 * cBytes : 0));
    Tensor rows = Tensor.of(memory, a.dtype(), SMALLEST, a.shape(1));
    Tensor sums = Tensor.of(memory.asSlice(aBytes), c.dtype(), SMALLEST, c.shape(1));
    copy(a, rows);
    if (add) {
      copy(c, sums);
    }
    if (wide) {
      Tensor fp32 = Tensor.of(memory.asSlice(aBytes + cBytes), Dtype.F32, SMALLEST, c.shape(1));
      if (add) {
        products.cast(sums, fp32);
      }
      products.execute(rows, b, fp32, add, true, layout);
      products.cast(fp32, sums);
    } else {
      products.execute(rows, b, sums, add, onAmx, layout);
    }
    copy(sums.rows(0, c.rows()), c);
  }

  /// Multiplies by a factor of one column, padded to several columns: oneDNN sums a matrix-vector
  /// product in another order for other numbers of rows. Never on AMX.
  void column(Tensor a, Tensor b, Tensor c, boolean add, long layout) {
    long k = a.shape(1);
    long bBytes = SMALLEST * k * b.dtype().bytes();
    columns = grown(columns, bBytes + SMALLEST * c.shape(0) * c.dtype().bytes());
    Tensor factor = Tensor.of(columns.memory, b.dtype(), SMALLEST, k).transposed();
    copyColumn(b, factor);
    Tensor sums = Tensor.of(columns.memory.asSlice(bBytes), c.dtype(), c.shape(0), SMALLEST);
    if (add) {
      copyColumn(c, sums);
    }
    if (layout == Primitive.OPEN_SIZES) {
      open(a, factor, sums, add);
    } else {
      multiply(a, factor, layout, false, sums, add);
    }
    copyColumn(sums, c);
  }

  /// Computes a product with runtime dimensions, so that a row's bits depend on none of them: below
  /// 16 rows are padded to 16. Never on AMX.
  void open(Tensor a, Tensor b, Tensor c, boolean add) {
    if (c.rows() < SMALLEST) {
      company(a, b, Primitive.OPEN_SIZES, false, false, c, add);
    } else {
      products.execute(a, b, c, add, false, Primitive.OPEN_SIZES);
    }
  }

  private MemorySegment scratch(long bytes) {
    tile = grown(tile, bytes);
    return tile.memory;
  }

  private static Scratch grown(Scratch scratch, long bytes) {
    if (scratch.memory.byteSize() >= bytes) {
      return scratch;
    }
    scratch.close();
    Scope scope = Scope.open("oneDNN tiles");
    return new Scratch(scope, scope.allocate(bytes));
  }

  private record Scratch(Scope scope, MemorySegment memory) {
    static Scratch none() {
      return new Scratch(Scope.open("oneDNN tiles"), MemorySegment.NULL);
    }

    void close() {
      scope.close();
    }
  }

  /// Copies the first column.
  private static void copyColumn(Tensor from, Tensor to) {
    int bytes = from.dtype().bytes();
    for (long i = 0; i < from.shape(0); i++) {
      MemorySegment.copy(
          from.data(), i * from.stride(0) * bytes, to.data(), i * to.stride(0) * bytes, bytes);
    }
  }

  private static void copy(Tensor from, Tensor to) {
    long row = from.shape(1) * from.dtype().bytes();
    for (long i = 0; i < from.shape(0); i++) {
      MemorySegment.copy(
          from.data(),
          i * from.rowStride() * from.dtype().bytes(),
          to.data(),
          i * to.rowStride() * to.dtype().bytes(),
          row);
    }
  }

  @Override
  public void close() {
    tile.close();
    columns.close();
  }
}
