package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Multiplies by oneDNN on one stream, with products kept by shape.
///
/// A new shape of a known family costs some microseconds (its memory objects and its argument
/// array are made), a new family a millisecond (its [Primitive] is compiled), a known shape
/// less than one microsecond: three handles are set and the primitive is executed. Shapes are
/// found in an open hash table by their numbers, so a call allocates nothing. The table holds
/// at most [#CAPACITY] products; then the half that was used longest ago is given back, and
/// with it the families that nothing is left of.
///
/// Threading: confined to the lane that opened it.
final class OneDnnGemm implements Gemm {
  static final int CAPACITY = 1024;

  /// Rows of a product with a packed factor, the largest that fits first: a few sizes for all.
  static final int[] TILES = {256, 64, 16};

  private static final int SMALLEST = 16;

  private final long engine;
  private final long stream;
  private final Gemm plain = Gemm.plain();
  private @Nullable Product[] table = new Product[2 * CAPACITY];
  private final Map<List<Long>, Primitive> families = new HashMap<>();
  private final Arena arguments = Arena.ofShared();
  private final List<MemorySegment> free = new ArrayList<>();
  private int size;
  private int epoch = Implementation.epoch();
  private long clock;
  private Scope scratch = Scope.open("oneDNN scratchpad");
  private MemorySegment scratchpad = MemorySegment.NULL;
  private final Map<List<Long>, Reorder> reorders = new HashMap<>();
  private Scope companyScope = Scope.open("oneDNN company");
  private MemorySegment companions = MemorySegment.NULL;

  OneDnnGemm(long engine) {
    this.engine = engine;
    try {
      CallMemory call = CallMemory.own();
      Api.check((int) Api.C.STREAM_CREATE.invokeExact(call.out, engine, 1), "stream_create");
      this.stream = call.made();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("stream_create", e);
    }
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    if (a.dtype() == Dtype.F64) {
      plain.multiply(a, b, c, add);
      return;
    }
    Gemm.check(a, b, c);
    if (c.elements() == 0) {
      return;
    }
    long k = a.shape(a.rank() - 1);
    if (k == 0 || (k == 1 && a.rank() > 2)) { // oneDNN gives wrong sums for batches of bf16
      plain.multiply(a, b, c, add);
      return;
    }
    if (inTiles(a, b, c)) {
      int rows = c.rows();
      int from = tiles(a, b, c, add, 0);
      if (from < rows) {
        execute(a.rows(from, rows), b, c.rows(from, rows), add, 0);
      }
      return;
    }
    execute(a, b, c, add, 0);
  }

  /// Whether nothing but the number of rows keeps a product from AMX: then it goes there in tiles.
  static boolean inTiles(Tensor a, Tensor b, Tensor c) {
    return Implementation.amx()
        && a.dtype() == Dtype.BF16
        && c.rank() == 2
        && c.rows() > SMALLEST
        && a.stride(1) == 1
        && Primitive.anyOpen(a, b, c)
        && !Primitive.anyOpen(a.rows(0, SMALLEST), b, c.rows(0, SMALLEST));
  }

  private void execute(Tensor a, Tensor b, Tensor c, boolean add, long layout) {
    if (epoch != Implementation.epoch()) {
      forget();
    }
    alive(a);
    alive(b);
    alive(c);
    Product p = product(a, b, c, add, layout);
    p.used = ++clock;
    if (p.scratchBytes > scratchpad.byteSize()) {
      scratch.close();
      scratch = Scope.open("oneDNN scratchpad");
      scratchpad = scratch.allocate(p.scratchBytes);
    }
    p.execute(stream, a.data(), b.data(), c.data(), scratchpad);
  }

  /// Throws where the tensor's scope is closed: oneDNN gets an address and would not notice.
  private static void alive(Tensor t) {
    if (!t.data().scope().isAlive()) {
      throw new IllegalStateException(t + " is in a scope that is closed");
    }
  }

  /// The number of products that are kept.
  int products() {
    return size;
  }

  @Override
  public boolean packs() {
    return true;
  }

  @Override
  public Packed pack(Tensor b, Tensor room) {
    if (b.dtype() == Dtype.F64) {
      return Packed.plain(b);
    }
    try {
      Layout layout = Layout.of(engine, b.dtype(), b.shape(0), b.shape(1));
      if (layout == null || layout.bytes() > room.bytes()) {
        return Packed.plain(b);
      }
      List<Long> key = Reorder.key(b, layout);
      Reorder reorder = reorders.get(key);
      if (reorder == null) {
        reorder = Reorder.of(engine, b, layout, arguments);
        reorders.put(key, reorder);
      }
      alive(b);
      alive(room);
      reorder.execute(stream, b.data(), room.data());
      return new Packed(Tensor.of(room.data(), b.dtype(), b.shape(0), b.shape(1)), layout.handle());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN reorder", e);
    }
  }

  @Override
  public void multiply(Tensor a, Packed b, Tensor c, boolean add) {
    if (!b.packed()) {
      multiply(a, b.factor(), c, add);
      return;
    }
    Gemm.check(a, b.factor(), c);
    int rows = c.rows();
    int from = gapped(a, b.factor(), c) ? 0 : tiles(a, b.factor(), c, add, b.layout());
    for (int to; from < rows; from = to) {
      to = Math.min(rows, from + SMALLEST);
      rest(a.rows(from, to), b, c.rows(from, to), add);
    }
  }

  /// Whether gaps between rows alone keep a packed product from AMX, for which its layout may be
  /// made: then its rows are copied to where there are none. Nothing in a model asks for it.
  static boolean gapped(Tensor a, Tensor b, Tensor c) {
    return Implementation.amx()
        && a.dtype() == Dtype.BF16
        && !Primitive.anyOpen(b)
        && Primitive.anyOpen(a.rows(0, 1), c.rows(0, 1));
  }

  /// Multiplies as many rows as tiles hold; the rows behind them are fewer than the smallest tile.
  private int tiles(Tensor a, Tensor b, Tensor c, boolean add, long layout) {
    int rows = c.rows();
    int from = 0;
    for (int tile : TILES) {
      for (; rows - from >= tile; from += tile) {
        boolean whole = from == 0 && rows == tile;
        execute(
            whole ? a : a.rows(from, from + tile),
            b,
            whole ? c : c.rows(from, from + tile),
            add,
            layout);
      }
    }
    return from;
  }

  /// Multiplies no more rows than the smallest tile in the company of whatever is in scratch.
  private void rest(Tensor a, Packed b, Tensor c, boolean add) {
    long aBytes = SMALLEST * a.shape(1) * a.dtype().bytes();
    long cBytes = SMALLEST * c.shape(1) * c.dtype().bytes();
    MemorySegment memory = companions(aBytes + cBytes);
    Tensor rows = Tensor.of(memory, a.dtype(), SMALLEST, a.shape(1));
    Tensor sums = Tensor.of(memory.asSlice(aBytes), c.dtype(), SMALLEST, c.shape(1));
    copy(a, rows);
    if (add) {
      copy(c, sums);
    }
    execute(rows, b.factor(), sums, add, b.layout());
    copy(sums.rows(0, c.rows()), c);
  }

  private MemorySegment companions(long bytes) {
    if (companions.byteSize() < bytes) {
      companyScope.close();
      companyScope = Scope.open("oneDNN company");
      companions = companyScope.allocate(bytes);
    }
    return companions;
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

  private Product product(Tensor a, Tensor b, Tensor c, boolean add, long layout) {
    int mask = table.length - 1;
    int i = Product.hash(a, b, c, add, layout) & mask;
    while (true) {
      Product p = table[i];
      if (p == null) {
        break;
      }
      if (p.matches(a, b, c, add, layout)) {
        return p;
      }
      i = (i + 1) & mask;
    }
    if (size == CAPACITY) {
      evict();
      return product(a, b, c, add, layout);
    }
    Product made = make(a, b, c, add, layout);
    table[i] = made;
    size++;
    return made;
  }

  private Product make(Tensor a, Tensor b, Tensor c, boolean add, long layout) {
    try {
      List<Long> family = Primitive.family(a, b, c, add, layout);
      Primitive primitive = families.get(family);
      if (primitive == null) {
        primitive = Primitive.of(engine, a, b, c, add, layout);
        families.put(family, primitive);
      }
      MemorySegment room =
          free.isEmpty() ? arguments.allocate(Product.ARGUMENTS, 8) : free.removeLast();
      return new Product(engine, primitive, a, b, c, add, layout, room);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN product", e);
    }
  }

  private void close(Product p) {
    try {
      p.close();
      free.add(p.arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN product", e);
    }
  }

  /// Gives back every product, because another implementation may have to make it.
  private void forget() {
    epoch = Implementation.epoch();
    for (Product p : table) {
      if (p != null) {
        close(p);
      }
    }
    table = new Product[table.length];
    size = 0;
    families.values().removeIf(OneDnnGemm::closed);
  }

  private void evict() {
    long[] times = new long[size];
    int n = 0;
    for (Product p : table) {
      if (p != null) {
        times[n++] = p.used;
      }
    }
    java.util.Arrays.sort(times);
    long median = times[n / 2];
    @Nullable Product[] old = table;
    table = new Product[old.length];
    size = 0;
    for (Product p : old) {
      if (p != null && p.used <= median) {
        close(p);
      } else if (p != null) {
        int i = p.hash & (table.length - 1);
        while (table[i] != null) {
          i = (i + 1) & (table.length - 1);
        }
        table[i] = p;
        size++;
      }
    }
    Set<Long> used = new HashSet<>();
    for (Product p : table) {
      if (p != null) {
        used.add(p.primitive);
      }
    }
    families.values().removeIf(family -> !used.contains(family.handle) && closed(family));
  }

  private static boolean closed(Primitive family) {
    try {
      family.close();
      return true;
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN primitive", e);
    }
  }

  @Override
  public void close() {
    forget();
    scratch.close();
    scratchpad = MemorySegment.NULL;
    companyScope.close();
    companions = MemorySegment.NULL;
    try {
      for (Reorder r : reorders.values()) {
        r.close();
      }
      reorders.clear();
      arguments.close();
      Api.check((int) Api.C.STREAM_DESTROY.invokeExact(stream), "stream_destroy");
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("stream_destroy", e);
    }
  }
}
