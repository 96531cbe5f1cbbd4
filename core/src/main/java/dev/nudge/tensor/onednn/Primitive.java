package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One compiled matmul of oneDNN, shared by all products of its family.
///
/// Compiling takes a millisecond and up to 1.6 MB of machine code, and sequences come in hundreds
/// of lengths. So sizes and strides that are neither small nor multiples of [Implementation#step]
/// are left open ("runtime dimensions"): model widths and lengths of packed training are fixed and
/// get code of their own, all other lengths share one primitive. Measured on Zen 4, one thread,
/// bf16, against code for the exact shape: 251 × 576 × 1536 runs at 221 instead of 224 GFLOP/s, a
/// product with rank 16 at 131 instead of 203.
///
/// Whether a size is left open depends on that size alone, so results do not depend on earlier
/// products.
final class Primitive {
  /// The layout of a plain factor in a product whose code is shared by several sizes.
  static final long OPEN_SIZES = 0;

  /// The layout of a plain factor in a product with code for its own sizes.
  static final long FIXED_SIZES = -2; // -1 is a dry run's

  private static final int SMALL = 16;
  private static final long OPEN = Long.MIN_VALUE; // DNNL_RUNTIME_DIM_VAL

  final long handle;
  final long scratchBytes;

  private Primitive(long handle, long scratchBytes) {
    this.handle = handle;
    this.scratchBytes = scratchBytes;
  }

  /// Whether a layout is one of a packed factor.
  static boolean packed(long layout) {
    return layout != OPEN_SIZES && layout != FIXED_SIZES;
  }

  /// Names the family that a product belongs to.
  static List<Long> family(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    List<Long> key = new ArrayList<>();
    key.add(MatmulCall.types(a, b, c, add, onAmx));
    key.add(layout);
    for (Tensor t : new Tensor[] {a, b, c}) {
      for (int i = 0; i < t.rank(); i++) {
        key.add(compiled(t.shape(i), layout));
        key.add(compiled(t.stride(i), layout));
      }
    }
    return key;
  }

  /// Whether any size or stride of the three is a runtime dimension.
  static boolean anyOpen(Tensor... tensors) {
    for (Tensor t : tensors) {
      for (int i = 0; i < t.rank(); i++) {
        if (open(t.shape(i)) == OPEN || open(t.stride(i)) == OPEN) {
          return true;
        }
      }
    }
    return false;
  }

  private static long open(long size) {
    return size <= SMALL || size % Implementation.step() == 0 ? size : OPEN;
  }

  /// Compiles the family of a product.
  ///
  /// @param onAmx whether AMX may compute the product; one thread computes products with a weight
  ///     then
  /// @param threads of other products
  /// @param layout of `b`. With a packed layout all sizes are fixed: oneDNN lacks fast code for
  ///     open sizes then
  static Primitive of(
      long engine,
      Tensor a,
      Tensor b,
      Tensor c,
      boolean add,
      boolean onAmx,
      long layout,
      int threads)
      throws Throwable {
    boolean alone = threads > 1 && onAmx && layout != OPEN_SIZES;
    if (alone) {
      OneDnn.setThreads(1); // oneDNN caches code by the number of threads
    }
    try {
      return compile(engine, a, b, c, add, onAmx, layout);
    } finally {
      if (alone) {
        OneDnn.setThreads(threads);
      }
    }
  }

  private static Primitive compile(
      long engine, Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout)
      throws Throwable {
    CallMemory call = CallMemory.own();
    long bDesc = packed(layout) ? PackedLayout.clone(layout) : descriptor(b, layout);
    long pd = chosen(engine, a, bDesc, c, add, onAmx, layout);
    destroy(bDesc);
    if (pd == 0) {
      throw new UnsupportedOperationException(
          "oneDNN has no right product of " + a + " and " + b + " into " + c + " here");
    }
    Api.check((int) Api.C.PRIMITIVE_CREATE.invokeExact(call.out, pd), "primitive_create");
    long handle = call.made();
    long scratch = (long) Api.C.PD_QUERY_MD.invokeExact(pd, Api.QUERY_SCRATCHPAD_MD, 0);
    long bytes = (long) Api.C.DESC_SIZE.invokeExact(scratch);
    Implementation.destroy(pd);
    return new Primitive(handle, Math.max(0, bytes));
  }

  /// A descriptor of a product, positioned at the implementation to use; 0 if none is right.
  ///
  /// @param bDesc of the right factor; stays the caller's
  /// @param layout of b, which decides the open sizes of a and c
  static long chosen(
      long engine, Tensor a, long bDesc, Tensor c, boolean add, boolean onAmx, long layout)
      throws Throwable {
    long aDesc = descriptor(a, layout);
    long cDesc = descriptor(c, layout);
    long attr = attributes(add);
    try {
      Implementation.Descriptor found =
          Implementation.choose(() -> matmul(engine, aDesc, bDesc, cDesc, attr), onAmx);
      return found == null ? 0 : found.pd();
    } finally {
      Api.check((int) Api.C.ATTR_DESTROY.invokeExact(attr), "attr_destroy");
      destroy(aDesc);
      destroy(cDesc);
    }
  }

  private static Implementation.@Nullable Descriptor matmul(
      long engine, long a, long b, long c, long attr) throws Throwable {
    CallMemory call = CallMemory.own();
    int status = (int) Api.C.MATMUL_CREATE.invokeExact(call.out, engine, a, b, 0L, c, attr);
    if (status == Api.UNIMPLEMENTED) {
      return null;
    }
    Api.check(status, "matmul_primitive_desc_create");
    return new Implementation.Descriptor(call.made());
  }

  void close() throws Throwable {
    Api.check((int) Api.C.PRIMITIVE_DESTROY.invokeExact(handle), "primitive_destroy");
  }

  /// Describes a tensor with all its sizes.
  static long descriptor(Tensor t) throws Throwable {
    return descriptor(t, FIXED_SIZES);
  }

  /// Describes a tensor with the sizes that are fixed for this layout.
  static long descriptor(Tensor t, long layout) throws Throwable {
    CallMemory call = CallMemory.own();
    for (int i = 0; i < t.rank(); i++) {
      call.dims.setAtIndex(JAVA_LONG, i, compiled(t.shape(i), layout));
      call.strides.setAtIndex(JAVA_LONG, i, compiled(t.stride(i), layout));
    }
    return descriptor(call, t.rank(), type(t.dtype()));
  }

  private static long compiled(long size, long layout) {
    return layout == OPEN_SIZES ? open(size) : size;
  }

  /// Describes scratch memory.
  static long bytes(long size) throws Throwable {
    CallMemory call = CallMemory.own();
    call.dims.set(JAVA_LONG, 0, size);
    call.strides.set(JAVA_LONG, 0, 1);
    return descriptor(call, 1, Api.U8);
  }

  private static long descriptor(CallMemory call, int rank, int type) throws Throwable {
    Api.check(
        (int) Api.C.DESC_CREATE.invokeExact(call.out, rank, call.dims, type, call.strides),
        "memory_desc_create_with_strides");
    return call.made();
  }

  static void destroy(long descriptor) throws Throwable {
    Api.check((int) Api.C.DESC_DESTROY.invokeExact(descriptor), "desc_destroy");
  }

  static long attributes(boolean add) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check((int) Api.C.ATTR_CREATE.invokeExact(call.out), "attr_create");
    long attr = call.made();
    Api.check((int) Api.C.ATTR_SCRATCHPAD.invokeExact(attr, 1), "attr_set_scratchpad_mode");
    if (add) {
      Api.check((int) Api.C.POST_OPS_CREATE.invokeExact(call.out), "post_ops_create");
      long ops = call.made();
      Api.check((int) Api.C.POST_OPS_SUM.invokeExact(ops, 1f, 0, 0), "post_ops_append_sum");
      Api.check((int) Api.C.ATTR_POST_OPS.invokeExact(attr, ops), "attr_set_post_ops");
      Api.check((int) Api.C.POST_OPS_DESTROY.invokeExact(ops), "post_ops_destroy");
    }
    return attr;
  }

  static int type(Dtype dtype) {
    return switch (dtype) {
      case F32 -> Api.F32;
      case BF16 -> Api.BF16;
      case F64, F16, I64, I32, I16, I8, U8, BOOL ->
          throw new IllegalArgumentException("no product of " + dtype);
    };
  }
}
