package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.RankProducts;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
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

/// Multiplies by oneDNN on one stream, and caches products by shape.
///
/// A new shape of a known family costs some microseconds (memory objects and argument array), a
/// new family a millisecond (its [Primitive] is compiled), a known shape less than one
/// microsecond: three handles are set and the primitive is executed. The cache is an open hash
/// table keyed by the sizes, so a call allocates nothing. It holds at most [#CAPACITY] products;
/// when full, it drops the least recently used half, and the families that have no product left.
///
/// Threading: confined to the lane that opened it.
final class OneDnnGemm implements Gemm, RowTiles.Products {
  static final int CAPACITY = 1024;

  private static final int SHARED_TILE = 64; // rows of a piece of work where few rows are shared
  private static final int SMALL_TILE = 16; // where these are fewer than threads
  private static final int BLOCK = 64; // columns that a packed factor may be cut at
  private static final int PIECES = 4; // of columns, for each thread

  private final long engine;
  private final int threads;
  private final boolean avx512;
  private @Nullable Team team;
  private boolean ownTeam;
  private @Nullable OneDnnGemm[] shares = {}; // of the team's threads, made by each
  private final long stream;
  private final Gemm plain = Gemm.plain();
  private @Nullable MatmulCall[] table = new MatmulCall[2 * CAPACITY];
  private final Map<List<Long>, Primitive> families = new HashMap<>();
  private final Arena arguments = Arena.ofShared();
  private final List<MemorySegment> free = new ArrayList<>();
  private int size;
  private int epoch = Implementation.epoch();
  private long clock;
  private Scope scratch = Scope.open("oneDNN scratchpad");
  private MemorySegment scratchpad = MemorySegment.NULL;
  private final Map<List<Long>, Reorder> reorders = new HashMap<>();
  private final RowTiles tiles = new RowTiles(this);
  private final @Nullable SameBits ranks;

  OneDnnGemm(long engine, int threads, boolean avx512) {
    this.engine = engine;
    this.threads = threads;
    this.avx512 = avx512;
    this.ranks = RankProducts.find().map(found -> new SameBits(this, found)).orElse(null);
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
  public void share(Team among) {
    team = among;
    shares = new OneDnnGemm[among.threads()];
  }

  @Override
  public Gemm of(int thread) {
    return single(thread); // the caller's too: a piece has no pieces
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    if (byJava(a, b, c, add) || byRank(a, b, c, add)) {
      return;
    }
    execute(a, b, c, add, sizesForAmx(a, b, c), Primitive.OPEN_SIZES);
  }

  @Override
  public void multiplyBatchInvariant(Tensor a, Tensor b, Tensor c, boolean add) {
    if (byJava(a, b, c, add)) {
      return;
    }
    checkRows(a, c);
    if (!avx512) { // without AVX-512, padding to 16 rows changes a row's bits
      execute(a, b, c, add, false, Primitive.OPEN_SIZES);
    } else if (c.cols() == 1) {
      tiles.column(a, b, c, add, Primitive.OPEN_SIZES);
    } else {
      tiles.open(a, b, c, add);
    }
  }

  private static void checkRows(Tensor a, Tensor c) {
    if ((a.stride(1) != 1 && a.cols() > 1) || (c.stride(1) != 1 && c.cols() > 1)) {
      throw new IllegalArgumentException("rows of " + a + " or " + c + " have gaps in them");
    }
  }

  /// Whether the sizes allow AMX for a product without batch invariance.
  static boolean sizesForAmx(Tensor a, Tensor b, Tensor c) {
    return Implementation.amx()
        && Implementation.wholeBlocks(a.shape(a.rank() - 1))
        && !Primitive.anyOpen(a, b, c);
  }

  /// Computes in Java the products that oneDNN does not support or gets wrong.
  private boolean byJava(Tensor a, Tensor b, Tensor c, boolean add) {
    if (a.dtype() == Dtype.F64) {
      plain.multiply(a, b, c, add);
      return true;
    }
    Gemm.check(a, b, c);
    long k = a.shape(a.rank() - 1);
    boolean wrong = k == 0 || (k == 1 && a.rank() > 2); // wrong sums for batches of bf16
    if (wrong && c.elements() > 0) {
      plain.multiply(a, b, c, add);
    }
    return wrong || c.elements() == 0;
  }

  /// Lets `ranks` compute a product of an adapter's rank on one thread.
  private boolean byRank(Tensor a, Tensor b, Tensor c, boolean add) {
    if (ranks == null || threads > 1 || team != null) {
      return false;
    }
    alive(a);
    alive(b);
    alive(c);
    return ranks.multiply(a, b, c, add);
  }

  private boolean plainOnAmx(Tensor b) {
    if (!Implementation.amx()) {
      return false;
    }
    try {
      return PackedLayout.plainOnAmx(engine, b);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN layout", e);
    }
  }

  @Override
  public void execute(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    if (epoch != Implementation.epoch()) {
      forget();
    }
    alive(a);
    alive(b);
    alive(c);
    MatmulCall p = product(a, b, c, add, onAmx, layout);
    p.used = ++clock;
    if (p.scratchBytes > scratchpad.byteSize()) {
      scratch.close();
      scratch = Scope.open("oneDNN scratchpad");
      scratchpad = scratch.allocate(p.scratchBytes);
    }
    p.execute(stream, a.data(), b.data(), c.data(), scratchpad);
  }

  /// Throws if the tensor's scope is closed: oneDNN gets an address and would not notice.
  private static void alive(Tensor t) {
    if (!t.data().scope().isAlive()) {
      throw new IllegalStateException(t + " is in a scope that is closed");
    }
  }

  /// The number of cached products.
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
      PackedLayout layout = PackedLayout.of(engine, b.dtype(), b.shape(0), b.shape(1));
      if (layout == null || layout.bytes() > room.bytes()) {
        return Packed.plain(b);
      }
      int width = width(b.cols());
      PackedLayout part = team == null ? null : part(b, width);
      if (team == null || part == null) {
        pack(b, layout, room.data());
      } else {
        team.each(
            b.cols() / width,
            (i, thread) ->
                share(thread)
                    .pack(
                        b.cols(i * width, (i + 1) * width),
                        part,
                        room.data().asSlice(i * part.bytes(), part.bytes())));
      }
      return new Packed(Tensor.of(room.data(), b.dtype(), b.shape(0), b.shape(1)), layout.handle());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN reorder", e);
    }
  }

  private void pack(Tensor b, PackedLayout layout, MemorySegment room) {
    try {
      List<Long> key = List.of(layout.handle(), b.stride(0), b.stride(1));
      Reorder reorder = reorders.get(key);
      if (reorder == null) {
        reorder = Reorder.into(engine, b, layout, arguments);
        reorders.put(key, reorder);
      }
      alive(b);
      reorder.execute(stream, b.data(), room);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN reorder", e);
    }
  }

  /// The columns of a piece of work: as many as leave each thread some pieces, or one block.
  private int width(int n) {
    int blocks = n / BLOCK;
    int most = team == null ? blocks : blocks / (PIECES * team.threads());
    int each = Math.max(1, most);
    while (n % (BLOCK * each) != 0 && each > 1) {
      each--;
    }
    return BLOCK * each;
  }

  @Override
  public void multiply(Tensor a, Packed b, Tensor c, boolean add) {
    Tensor factor = b.factor();
    if (byJava(a, factor, c, add) || (!b.packed() && byRank(a, factor, c, add))) {
      return;
    }
    checkRows(a, c);
    if (c.cols() == 1) {
      tiles.column(a, factor, c, add, Primitive.FIXED_SIZES);
      return;
    }
    boolean onAmx = b.packed() ? PackedLayout.onAmx(b.layout()) : plainOnAmx(factor);
    rows(a, factor, b.packed() ? b.layout() : Primitive.FIXED_SIZES, onAmx, c, add);
  }

  /// Multiplies rows in tiles; on AMX each tile on one thread, in parallel over tiles. oneDNN would
  /// split the sum over k between threads, at other places for other numbers of rows. A given team
  /// also computes tiles of columns, if the packed factor can be cut.
  void rows(Tensor a, Tensor b, long layout, boolean onAmx, Tensor c, boolean add) {
    if (team == null && onAmx && threads > 1) {
      share(new Team(threads));
      ownTeam = true;
    }
    if (team == null || (ownTeam && !onAmx)) {
      tiles.multiply(a, b, layout, onAmx, c, add);
      return;
    }
    int width = width(c.cols());
    PackedLayout part = Primitive.packed(layout) && !onAmx ? part(b, width) : null;
    int rows = c.rows();
    boolean large = part != null || rows >= RowTiles.SIZES[0] * team.threads();
    boolean scarce = !onAmx && Math.ceilDiv(rows, SHARED_TILE) < team.threads();
    int tall = large ? RowTiles.SIZES[0] : scarce ? SMALL_TILE : SHARED_TILE;
    int down = Math.ceilDiv(rows, tall);
    int across = part == null ? 1 : c.cols() / width;
    team.each(
        down * across,
        (i, thread) -> {
          int from = i / across * tall;
          int to = Math.min(rows, from + tall);
          int left = part == null ? 0 : i % across * width;
          int right = part == null ? c.cols() : left + width;
          Tensor factor =
              part == null
                  ? b
                  : Tensor.of(
                      b.data().asSlice(left / width * part.bytes()), b.dtype(), b.rows(), width);
          share(thread)
              .tiles
              .multiply(
                  a.rows(from, to),
                  factor,
                  part == null ? layout : part.handle(),
                  onAmx,
                  c.rows(from, to).cols(left, right),
                  add);
        });
  }

  private @Nullable PackedLayout part(Tensor b, int width) {
    try {
      return PackedLayout.part(engine, b.dtype(), b.shape(0), b.shape(1), width);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN layout", e);
    }
  }

  /// The Gemm with which a thread of the team computes its pieces.
  private OneDnnGemm share(int thread) {
    return thread == 0 ? this : single(thread);
  }

  private OneDnnGemm single(int thread) {
    OneDnnGemm own = shares[thread];
    if (own == null) {
      OneDnn.setThreads(1);
      own = new OneDnnGemm(engine, 1, avx512);
      shares[thread] = own;
    }
    return own;
  }

  @Override
  public void cast(Tensor from, Tensor to) {
    alive(from);
    alive(to);
    try {
      List<Long> key =
          List.of(
              (long) from.dtype().ordinal(),
              (long) to.dtype().ordinal(),
              from.shape(0),
              from.shape(1),
              from.stride(0),
              to.stride(0));
      Reorder reorder = reorders.get(key);
      if (reorder == null) {
        reorder = Reorder.cast(engine, from, to, arguments);
        reorders.put(key, reorder);
      }
      reorder.execute(stream, from.data(), to.data());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN reorder", e);
    }
  }

  private MatmulCall product(
      Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    int mask = table.length - 1;
    int i = MatmulCall.hash(a, b, c, add, onAmx, layout) & mask;
    while (true) {
      MatmulCall p = table[i];
      if (p == null) {
        break;
      }
      if (p.matches(a, b, c, add, onAmx, layout)) {
        return p;
      }
      i = (i + 1) & mask;
    }
    if (size == CAPACITY) {
      evict();
      return product(a, b, c, add, onAmx, layout);
    }
    MatmulCall made = make(a, b, c, add, onAmx, layout);
    table[i] = made;
    size++;
    return made;
  }

  private MatmulCall make(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    try {
      List<Long> family = Primitive.family(a, b, c, add, onAmx, layout);
      Primitive primitive = families.get(family);
      if (primitive == null) {
        primitive = Primitive.of(engine, a, b, c, add, onAmx, layout, threads);
        families.put(family, primitive);
      }
      MemorySegment room =
          free.isEmpty() ? arguments.allocate(MatmulCall.ARGUMENTS, 8) : free.removeLast();
      return new MatmulCall(engine, primitive, a, b, c, add, onAmx, layout, room);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN product", e);
    }
  }

  private void close(MatmulCall p) {
    try {
      p.close();
      free.add(p.arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN product", e);
    }
  }

  /// Drops every cached product, because the set of allowed implementations has changed.
  private void forget() {
    epoch = Implementation.epoch();
    for (MatmulCall p : table) {
      if (p != null) {
        close(p);
      }
    }
    table = new MatmulCall[table.length];
    size = 0;
    families.values().removeIf(OneDnnGemm::closed);
  }

  private void evict() {
    long[] times = new long[size];
    int n = 0;
    for (MatmulCall p : table) {
      if (p != null) {
        times[n++] = p.used;
      }
    }
    java.util.Arrays.sort(times);
    long median = times[n / 2];
    @Nullable MatmulCall[] old = table;
    table = new MatmulCall[old.length];
    size = 0;
    for (MatmulCall p : old) {
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
    for (MatmulCall p : table) {
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
    if (team != null && ownTeam) {
      team.close();
    }
    for (OneDnnGemm share : shares) {
      if (share != null) {
        share.close();
      }
    }
    forget();
    scratch.close();
    scratchpad = MemorySegment.NULL;
    tiles.close();
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
