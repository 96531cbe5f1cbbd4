package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The layout that oneDNN likes best for a right factor of some shape, asked for once a process.
///
/// oneDNN copies a plain factor into blocks within each product; in this layout it reads it as it
/// is. It is the choice for 256 rows and taken for all, because a factor has one layout. So oneDNN
/// is asked for each product that the layout will be used for: every tile of rows, results in both
/// types, added or not. If only the reference code could compute one of them, there is no layout.
///
/// Threading: safe.
///
/// @param handle a memory descriptor that lives as long as the process
record Layout(long handle, long bytes) {
  private static final Map<List<Long>, Optional<Layout>> KNOWN = new HashMap<>();

  /// The layout of a factor (k, n); null where there is none.
  static @Nullable Layout of(long engine, Dtype dtype, long k, long n) throws Throwable {
    synchronized (KNOWN) {
      List<Long> key = List.of((long) dtype.ordinal(), k, n);
      Optional<Layout> known = KNOWN.get(key);
      if (known == null) {
        known = Optional.ofNullable(ask(engine, dtype, k, n));
        KNOWN.put(key, known);
      }
      return known.orElse(null);
    }
  }

  /// Asks again for every layout: what may compute has changed.
  static void forget() {
    synchronized (KNOWN) {
      KNOWN.clear(); // what they describe stays: somebody may hold a factor in it
    }
  }

  private static @Nullable Layout ask(long engine, Dtype dtype, long k, long n) throws Throwable {
    if (n == 1) {
      return null; // a sum of vectors is split by the number of rows, so a row's bits would be too
    }
    CallMemory call = CallMemory.own();
    call.dims.setAtIndex(JAVA_LONG, 0, k);
    call.dims.setAtIndex(JAVA_LONG, 1, n);
    Api.check(
        (int)
            Api.C.DESC_CREATE_TAG.invokeExact(
                call.out, 2, call.dims, Primitive.type(dtype), Api.ANY_LAYOUT),
        "memory_desc_create_with_tag");
    long any = call.made();
    Tensor b = Tensor.dry(dtype, k, n);
    long pd = matmul(engine, OneDnnGemm.TILES[0], b, dtype.accumulator(), true, any);
    Primitive.destroy(any);
    if (pd == 0) {
      return null;
    }
    long layout = clone((long) Api.C.PD_QUERY_MD.invokeExact(pd, Api.QUERY_WEIGHTS_MD, 0));
    Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
    boolean serves =
        servesAll(
            b.dtype(),
            (rows, out, add) -> {
              long use = matmul(engine, rows, b, out, add, layout);
              if (use != 0) {
                Api.check((int) Api.C.PD_DESTROY.invokeExact(use), "primitive_desc_destroy");
              }
              return use != 0;
            });
    if (!serves) {
      Primitive.destroy(layout);
      return null;
    }
    return new Layout(layout, (long) Api.C.DESC_SIZE.invokeExact(layout));
  }

  /// Tells whether a product with a factor in a layout has code that is right and fast.
  interface Use {
    boolean served(int rows, Dtype out, boolean add) throws Throwable;
  }

  /// Whether every product that a factor of this type is used for is served.
  static boolean servesAll(Dtype factor, Use use) throws Throwable {
    for (int rows : OneDnnGemm.TILES) {
      for (Dtype out : EnumSet.of(factor, factor.accumulator())) {
        for (boolean add : new boolean[] {false, true}) {
          if (!use.served(rows, out, add)) {
            return false;
          }
        }
      }
    }
    return true;
  }

  /// A descriptor of the product of `rows` rows; 0 where no code for it is right and fast.
  private static long matmul(long engine, int rows, Tensor b, Dtype out, boolean add, long weights)
      throws Throwable {
    CallMemory call = CallMemory.own();
    Tensor a = Tensor.dry(b.dtype(), rows, b.shape(0));
    Tensor c = Tensor.dry(out, rows, b.shape(1));
    long aDesc = Primitive.descriptor(a, false);
    long cDesc = Primitive.descriptor(c, false);
    long attr = Primitive.attributes(add);
    int status =
        (int) Api.C.MATMUL_CREATE.invokeExact(call.out, engine, aDesc, weights, 0L, cDesc, attr);
    Primitive.destroy(aDesc);
    Primitive.destroy(cDesc);
    Api.check((int) Api.C.ATTR_DESTROY.invokeExact(attr), "attr_destroy");
    if (status == Api.UNIMPLEMENTED) {
      return 0;
    }
    Api.check(status, "matmul_primitive_desc_create in a layout");
    long pd = call.made();
    String name = Implementation.choose(pd, Primitive.need(a, b, c));
    if (name == null || Implementation.reference(name)) {
      Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
      return 0;
    }
    return pd;
  }

  /// A copy of a descriptor, the caller's to destroy.
  static long clone(long descriptor) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check((int) Api.C.DESC_CLONE.invokeExact(call.out, descriptor), "memory_desc_clone");
    return call.made();
  }
}
