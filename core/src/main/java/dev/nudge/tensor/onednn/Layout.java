package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The layout that oneDNN likes best for a right factor of some shape, asked for once a process.
///
/// oneDNN copies a plain factor into blocks within each product; in this layout it reads it as it
/// is. It is the choice for [#ROWS] rows and taken for all, because a factor has one layout.
///
/// Threading: safe.
///
/// @param handle a memory descriptor that lives as long as the process
record Layout(long handle, long bytes) {
  private static final int ROWS = 256;
  private static final Map<List<Long>, Optional<Layout>> KNOWN = new HashMap<>();

  /// The layout of a factor (k, n); null where only the reference implementation could use one.
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

  private static @Nullable Layout ask(long engine, Dtype dtype, long k, long n) throws Throwable {
    CallMemory call = CallMemory.own();
    call.dims.setAtIndex(JAVA_LONG, 0, k);
    call.dims.setAtIndex(JAVA_LONG, 1, n);
    Api.check(
        (int)
            Api.C.DESC_CREATE_TAG.invokeExact(
                call.out, 2, call.dims, Primitive.type(dtype), Api.ANY_LAYOUT),
        "memory_desc_create_with_tag");
    long any = call.made();
    long pd = matmul(engine, dtype, dtype.accumulator(), k, n, any);
    Primitive.destroy(any);
    if (pd == 0) {
      return null;
    }
    long chosen = (long) Api.C.PD_QUERY_MD.invokeExact(pd, Api.QUERY_WEIGHTS_MD, 0);
    long layout = clone(chosen);
    Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
    long low = matmul(engine, dtype, dtype, k, n, layout);
    if (low == 0) {
      Primitive.destroy(layout);
      return null;
    }
    Api.check((int) Api.C.PD_DESTROY.invokeExact(low), "primitive_desc_destroy");
    return new Layout(layout, (long) Api.C.DESC_SIZE.invokeExact(layout));
  }

  /// A descriptor of the product, or 0 where the reference implementation would compute it.
  private static long matmul(long engine, Dtype in, Dtype out, long k, long n, long weights)
      throws Throwable {
    CallMemory call = CallMemory.own();
    long a = Primitive.descriptor(Tensor.dry(in, ROWS, k), false);
    long c = Primitive.descriptor(Tensor.dry(out, ROWS, n), false);
    long attr = Primitive.attributes(true);
    int status = (int) Api.C.MATMUL_CREATE.invokeExact(call.out, engine, a, weights, 0L, c, attr);
    Primitive.destroy(a);
    Primitive.destroy(c);
    Api.check((int) Api.C.ATTR_DESTROY.invokeExact(attr), "attr_destroy");
    if (status == Api.UNIMPLEMENTED) {
      return 0;
    }
    Api.check(status, "matmul_primitive_desc_create in a layout");
    long pd = call.made();
    Api.check(
        (int) Api.C.PD_QUERY.invokeExact(pd, Api.QUERY_IMPLEMENTATION, 0, call.out),
        "primitive_desc_query");
    String name = call.out.get(ADDRESS, 0).reinterpret(256).getString(0);
    if (name.startsWith("ref")) {
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
