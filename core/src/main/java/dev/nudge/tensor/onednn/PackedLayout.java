package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The layout that oneDNN prefers for a right factor of some shape, queried once a process.
///
/// oneDNN repacks a plain factor in every product; it reads a factor in this layout directly. The
/// layout is oneDNN's choice for 256 rows and used for every number of rows, because a factor has
/// one layout. So oneDNN is queried for each product that will use the layout: every tile of rows,
/// both result types, added or not. There is a layout only if code of one name computes all of them
/// and is not the reference code: then a row has the same bits in any tile. On AMX code of that
/// name must also compute the products of the plain factor, which few rows use.
///
/// Threading: safe.
///
/// @param handle a memory descriptor that lives as long as the process
/// @param onAmx whether its products are computed on AMX
record PackedLayout(long handle, long bytes, boolean onAmx) {
  private static final Map<List<Long>, Optional<PackedLayout>> KNOWN = new HashMap<>();
  private static final Map<List<Long>, Boolean> PLAIN = new HashMap<>();
  private static volatile long[] amxHandles = {}; // of layouts whose products AMX computes

  /// The layout of a factor (k, n); null: none.
  static @Nullable PackedLayout of(long engine, Dtype dtype, long k, long n) throws Throwable {
    synchronized (KNOWN) {
      List<Long> key = List.of((long) dtype.ordinal(), k, n);
      Optional<PackedLayout> known = KNOWN.get(key);
      if (known == null) {
        known = Optional.ofNullable(ask(engine, dtype, k, n));
        KNOWN.put(key, known);
      }
      return known.orElse(null);
    }
  }

  /// The layout of `width` columns of a packed factor (k, n), if such parts are contiguous; else
  /// null. Not on AMX, where equal bits of rows were not tested.
  static @Nullable PackedLayout part(long engine, Dtype dtype, long k, long n, long width)
      throws Throwable {
    synchronized (KNOWN) {
      List<Long> key = List.of((long) dtype.ordinal(), k, n, width);
      Optional<PackedLayout> known = KNOWN.get(key);
      if (known == null) {
        PackedLayout whole = of(engine, dtype, k, n);
        PackedLayout part = of(engine, dtype, k, width);
        boolean fits =
            whole != null
                && part != null
                && !whole.onAmx
                && !part.onAmx
                && n % width == 0
                && part.bytes == k * width * dtype.bytes() // without padding
                && part.bytes * (n / width) == whole.bytes
                && starts(part.handle, k, width, whole.handle);
        known = fits ? Optional.ofNullable(part) : Optional.empty();
        KNOWN.put(key, known);
      }
      return known.orElse(null);
    }
  }

  /// Whether the first `width` columns are laid out as a factor of that width.
  private static boolean starts(long part, long k, long width, long whole) throws Throwable {
    CallMemory call = CallMemory.own();
    call.dims.setAtIndex(JAVA_LONG, 0, k);
    call.dims.setAtIndex(JAVA_LONG, 1, width);
    call.strides.setAtIndex(JAVA_LONG, 0, 0); // offsets
    call.strides.setAtIndex(JAVA_LONG, 1, 0);
    int status = (int) Api.C.DESC_PART.invokeExact(call.out, whole, call.dims, call.strides);
    if (status != 0) {
      return false; // columns of a block are not divided
    }
    long first = call.made();
    boolean equal = (int) Api.C.DESC_EQUAL.invokeExact(first, part) != 0;
    Primitive.destroy(first);
    return equal;
  }

  /// Clears the cache of layouts: the set of allowed implementations has changed.
  static void forget() {
    synchronized (KNOWN) {
      KNOWN.clear(); // the descriptors stay: a factor may still use them
      PLAIN.clear();
    }
  }

  /// Whether AMX computes the products with a factor in the layout of this handle.
  static boolean onAmx(long handle) {
    for (long known : amxHandles) {
      if (known == handle) {
        return Implementation.amx();
      }
    }
    return false;
  }

  /// Whether AMX computes the products with this plain factor for every number of rows. Requires
  /// that AMX computes those with the packed factor.
  static boolean plainOnAmx(long engine, Tensor b) throws Throwable {
    if (!mayUseAmx(b)) {
      return false;
    }
    synchronized (KNOWN) {
      List<Long> key = List.of(b.shape(0), b.shape(1), b.stride(0), b.stride(1));
      Boolean known = PLAIN.get(key);
      if (known == null) {
        PackedLayout packed = of(engine, b.dtype(), b.shape(0), b.shape(1));
        known = packed != null && packed.onAmx && plainServes(engine, b);
        PLAIN.put(key, known);
      }
      return known;
    }
  }

  /// Whether the sizes of a factor let AMX compute its products: all fixed, k in whole blocks.
  static boolean mayUseAmx(Tensor b) {
    return Implementation.amx()
        && b.dtype() == Dtype.BF16
        && Implementation.wholeBlocks(b.shape(0))
        && !Primitive.anyOpen(b);
  }

  private static @Nullable PackedLayout ask(long engine, Dtype dtype, long k, long n)
      throws Throwable {
    if (n == 1) {
      return null; // oneDNN splits a dot product by the number of rows, so bits would differ
    }
    Tensor b = Tensor.dry(dtype, k, n);
    PackedLayout onAmx = mayUseAmx(b) ? ask(engine, b, true) : null;
    return onAmx != null ? onAmx : ask(engine, b, false);
  }

  private static @Nullable PackedLayout ask(long engine, Tensor b, boolean onAmx) throws Throwable {
    CallMemory call = CallMemory.own();
    call.dims.setAtIndex(JAVA_LONG, 0, b.shape(0));
    call.dims.setAtIndex(JAVA_LONG, 1, b.shape(1));
    Api.check(
        (int)
            Api.C.DESC_CREATE_TAG.invokeExact(
                call.out, 2, call.dims, Primitive.type(b.dtype()), Api.ANY_LAYOUT),
        "memory_desc_create_with_tag");
    long any = call.made();
    long pd = chosen(engine, RowTiles.SIZES[0], b, any, b.dtype().accumulator(), true, onAmx);
    Primitive.destroy(any);
    if (pd == 0) {
      return null;
    }
    long layout = clone((long) Api.C.PD_QUERY_MD.invokeExact(pd, Api.QUERY_WEIGHTS_MD, 0));
    Implementation.destroy(pd);
    Tensor across = Tensor.dry(b.dtype(), b.shape(1), b.shape(0)).transposed();
    boolean serves =
        oneCode(b.dtype(), onAmx, names(engine, b, layout, onAmx))
            && (!onAmx || (plainServes(engine, b) && plainServes(engine, across)));
    if (!serves) {
      Primitive.destroy(layout);
      return null;
    }
    if (onAmx) {
      long[] more = Arrays.copyOf(amxHandles, amxHandles.length + 1);
      more[more.length - 1] = layout;
      amxHandles = more;
    }
    return new PackedLayout(layout, (long) Api.C.DESC_SIZE.invokeExact(layout), onAmx);
  }

  /// Whether AMX computes every product with a plain factor.
  private static boolean plainServes(long engine, Tensor b) throws Throwable {
    long plain = Primitive.descriptor(b);
    try {
      return oneCode(b.dtype(), true, names(engine, b, plain, true));
    } finally {
      Primitive.destroy(plain);
    }
  }

  /// Names the code of each product with a factor that is described by `bDesc`.
  private static Names names(long engine, Tensor b, long bDesc, boolean onAmx) {
    return (rows, out, add) -> {
      long use = chosen(engine, rows, b, bDesc, out, add, onAmx);
      String name = use == 0 ? null : Implementation.name(use);
      Implementation.destroy(use);
      return name;
    };
  }

  /// Names the code that would compute a product with a factor; null: none.
  interface Names {
    @Nullable String of(int rows, Dtype out, boolean add) throws Throwable;
  }

  /// Whether code of one name computes every product that a factor of this type is used for, on
  /// AMX or not, and it is not the reference code.
  static boolean oneCode(Dtype factor, boolean onAmx, Names names) throws Throwable {
    String first = names.of(RowTiles.SIZES[0], factor, false);
    if (first == null || Implementation.onAmx(first) != onAmx || Implementation.reference(first)) {
      return false;
    }
    for (int rows : RowTiles.SIZES) {
      for (Dtype out : EnumSet.of(factor, factor.accumulator())) {
        for (boolean add : new boolean[] {false, true}) {
          if (!first.equals(names.of(rows, out, add))) {
            return false;
          }
        }
      }
    }
    return true;
  }

  private static long chosen(
      long engine, int rows, Tensor b, long bDesc, Dtype out, boolean add, boolean onAmx)
      throws Throwable {
    Tensor a = Tensor.dry(b.dtype(), rows, b.shape(0));
    Tensor c = Tensor.dry(out, rows, b.shape(1));
    return Primitive.chosen(engine, a, bDesc, c, add, onAmx, Primitive.FIXED_SIZES);
  }

  /// A copy of a descriptor, the caller's to destroy.
  static long clone(long descriptor) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check((int) Api.C.DESC_CLONE.invokeExact(call.out, descriptor), "memory_desc_clone");
    return call.made();
  }
}
