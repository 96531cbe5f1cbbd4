package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// One compiled matmul of oneDNN, shared by all products of its family.
///
/// Compiling takes a millisecond and keeps up to 1.6 MB of machine code, and rows of text come in
/// hundreds of lengths. So sizes and strides that are neither small nor multiples of
/// [Implementation#step] are left open ("runtime dimensions"): the widths of a model and the
/// lengths of packed training stay fixed and get the code made for them, all other lengths share
/// one primitive. Measured on Zen 4, one thread, bf16, against code made for the shape: 251 × 576 ×
/// 1536 runs at 221 instead of 224 GFLOP/s, a product with rank 16 at 131 instead of 203.
///
/// Whether a size is left open depends on nothing but the size, so results do not depend on
/// what was multiplied before.
final class Primitive {
  private static final int SMALL = 16;
  private static final long OPEN = Long.MIN_VALUE; // DNNL_RUNTIME_DIM_VAL

  final long handle;
  final long scratchBytes;

  private Primitive(long handle, long scratchBytes) {
    this.handle = handle;
    this.scratchBytes = scratchBytes;
  }

  /// Names the family that a product belongs to.
  static List<Long> family(Tensor a, Tensor b, Tensor c, boolean add, long layout) {
    List<Long> key = new ArrayList<>();
    key.add(Product.types(a, b, c, add));
    key.add(layout);
    for (Tensor t : new Tensor[] {a, b, c}) {
      for (int i = 0; i < t.rank(); i++) {
        key.add(layout == 0 ? open(t.shape(i)) : t.shape(i));
        key.add(layout == 0 ? open(t.stride(i)) : t.stride(i));
      }
    }
    return key;
  }

  /// Whether a size or stride of the three is left open.
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

  /// What this product asks of an implementation: a packed factor the same as a plain one, so that
  /// both are computed by the same code.
  static Implementation.Need need(Tensor a, Tensor b, Tensor c) {
    return new Implementation.Need(anyOpen(a, b, c), a.shape(a.rank() - 1));
  }

  private static long open(long size) {
    return size <= SMALL || size % Implementation.step() == 0 ? size : OPEN;
  }

  /// Compiles the family of a product.
  ///
  /// @param layout of `b`; 0 where it is plain. With a layout all sizes are fixed: oneDNN has no
  /// fast
  ///     code for open ones then
  static Primitive of(long engine, Tensor a, Tensor b, Tensor c, boolean add, long layout)
      throws Throwable {
    CallMemory call = CallMemory.own();
    boolean open = layout == 0;
    long aDesc = descriptor(a, open);
    long bDesc = open ? descriptor(b, true) : Layout.clone(layout);
    long cDesc = descriptor(c, open);
    long attr = attributes(add);
    int status =
        (int) Api.C.MATMUL_CREATE.invokeExact(call.out, engine, aDesc, bDesc, 0L, cDesc, attr);
    if (status == Api.UNIMPLEMENTED) {
      throw new UnsupportedOperationException(
          "oneDNN has no product of " + a + " and " + b + " into " + c + " on this processor");
    }
    Api.check(status, "matmul_primitive_desc_create of " + a + " and " + b + " into " + c);
    long pd = call.made();
    if (Implementation.choose(pd, need(a, b, c)) == null) {
      Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
      throw new UnsupportedOperationException(
          "oneDNN has no right product of " + a + " and " + b + " into " + c + " here");
    }
    Api.check((int) Api.C.PRIMITIVE_CREATE.invokeExact(call.out, pd), "primitive_create");
    long handle = call.made();
    long scratch = (long) Api.C.PD_QUERY_MD.invokeExact(pd, Api.QUERY_SCRATCHPAD_MD, 0);
    long bytes = (long) Api.C.DESC_SIZE.invokeExact(scratch);
    Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
    Api.check((int) Api.C.ATTR_DESTROY.invokeExact(attr), "attr_destroy");
    destroy(aDesc);
    destroy(bDesc);
    destroy(cDesc);
    return new Primitive(handle, Math.max(0, bytes));
  }

  void close() throws Throwable {
    Api.check((int) Api.C.PRIMITIVE_DESTROY.invokeExact(handle), "primitive_destroy");
  }

  /// Describes a tensor, with its sizes as they are or left open as its family has them.
  static long descriptor(Tensor t, boolean family) throws Throwable {
    CallMemory call = CallMemory.own();
    for (int i = 0; i < t.rank(); i++) {
      call.dims.setAtIndex(JAVA_LONG, i, family ? open(t.shape(i)) : t.shape(i));
      call.strides.setAtIndex(JAVA_LONG, i, family ? open(t.stride(i)) : t.stride(i));
    }
    return descriptor(call, t.rank(), type(t.dtype()));
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
