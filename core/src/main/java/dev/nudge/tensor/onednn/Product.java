package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One matmul primitive of oneDNN for one set of shapes, strides and types, with its memory objects
/// and argument array.
final class Product {
  private static final int DIMS = 12; // DNNL_MAX_NDIMS

  final int hash;
  long used;
  final long scratchBytes;
  private final long[] key;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment arguments;
  private final long primitive;
  private final long src;
  private final long weights;
  private final long dst;
  private final long scratch;

  Product(long engine, Tensor a, Tensor b, Tensor c, boolean add) {
    hash = hash(a, b, c, add);
    key = new long[length(c.rank())];
    fill(key, a, b, c, add);
    try (Arena local = Arena.ofConfined()) {
      MemorySegment out = local.allocate(ADDRESS);
      long aDesc = descriptor(local, a);
      long bDesc = descriptor(local, b);
      long cDesc = descriptor(local, c);
      long attr = attributes(local, add);
      int status =
          (int) Api.C.MATMUL_CREATE.invokeExact(out, engine, aDesc, bDesc, 0L, cDesc, attr);
      if (status == Api.UNIMPLEMENTED) {
        arena.close();
        throw new UnsupportedOperationException(
            "oneDNN has no product of " + a + " and " + b + " into " + c + " on this processor");
      }
      Api.check(status, "matmul_primitive_desc_create of " + a + " and " + b + " into " + c);
      long pd = out.get(JAVA_LONG, 0);
      Api.check((int) Api.C.PRIMITIVE_CREATE.invokeExact(out, pd), "primitive_create");
      primitive = out.get(JAVA_LONG, 0);
      long scratchDesc = (long) Api.C.PD_QUERY_MD.invokeExact(pd, Api.QUERY_SCRATCHPAD_MD, 0);
      scratchBytes = (long) Api.C.DESC_SIZE.invokeExact(scratchDesc);
      src = memory(out, aDesc, engine);
      weights = memory(out, bDesc, engine);
      dst = memory(out, cDesc, engine);
      scratch = memory(out, scratchDesc, engine);
      Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
      Api.check((int) Api.C.ATTR_DESTROY.invokeExact(attr), "attr_destroy");
      Api.check((int) Api.C.DESC_DESTROY.invokeExact(aDesc), "desc_destroy");
      Api.check((int) Api.C.DESC_DESTROY.invokeExact(bDesc), "desc_destroy");
      Api.check((int) Api.C.DESC_DESTROY.invokeExact(cDesc), "desc_destroy");
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN primitive", e);
    }
    arguments = arena.allocate(4 * 16, 8);
    argument(0, Api.ARG_SRC, src);
    argument(1, Api.ARG_WEIGHTS, weights);
    argument(2, Api.ARG_DST, dst);
    argument(3, Api.ARG_SCRATCHPAD, scratch);
  }

  void execute(
      long stream, MemorySegment a, MemorySegment b, MemorySegment c, MemorySegment scratchpad) {
    try {
      int s = (int) Api.C.MEMORY_SET.invokeExact(src, a.address());
      s |= (int) Api.C.MEMORY_SET.invokeExact(weights, b.address());
      s |= (int) Api.C.MEMORY_SET.invokeExact(dst, c.address());
      s |= (int) Api.C.MEMORY_SET.invokeExact(scratch, scratchpad.address());
      Api.check(s, "memory_set_data_handle");
      Api.check((int) Api.C.EXECUTE.invokeExact(primitive, stream, 4, arguments), "execute");
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN execute", e);
    }
  }

  void close() {
    try {
      for (long m : new long[] {src, weights, dst, scratch}) {
        Api.check((int) Api.C.MEMORY_DESTROY.invokeExact(m), "memory_destroy");
      }
      Api.check((int) Api.C.PRIMITIVE_DESTROY.invokeExact(primitive), "primitive_destroy");
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("oneDNN primitive", e);
    }
    arena.close();
  }

  private static long memory(MemorySegment out, long desc, long engine) throws Throwable {
    Api.check((int) Api.C.MEMORY_CREATE.invokeExact(out, desc, engine, 0L), "memory_create");
    return out.get(JAVA_LONG, 0);
  }

  private void argument(int i, int kind, long memory) {
    arguments.set(JAVA_INT, i * 16L, kind);
    arguments.set(JAVA_LONG, i * 16L + 8, memory);
  }

  private static long attributes(Arena local, boolean add) throws Throwable {
    MemorySegment out = local.allocate(ADDRESS);
    Api.check((int) Api.C.ATTR_CREATE.invokeExact(out), "attr_create");
    long attr = out.get(JAVA_LONG, 0);
    Api.check((int) Api.C.ATTR_SCRATCHPAD.invokeExact(attr, 1), "attr_set_scratchpad_mode");
    if (add) {
      Api.check((int) Api.C.POST_OPS_CREATE.invokeExact(out), "post_ops_create");
      long ops = out.get(JAVA_LONG, 0);
      Api.check((int) Api.C.POST_OPS_SUM.invokeExact(ops, 1f, 0, 0), "post_ops_append_sum");
      Api.check((int) Api.C.ATTR_POST_OPS.invokeExact(attr, ops), "attr_set_post_ops");
      Api.check((int) Api.C.POST_OPS_DESTROY.invokeExact(ops), "post_ops_destroy");
    }
    return attr;
  }

  private static long descriptor(Arena local, Tensor t) throws Throwable {
    MemorySegment out = local.allocate(ADDRESS);
    MemorySegment dims = local.allocate(8L * DIMS, 8);
    MemorySegment strides = local.allocate(8L * DIMS, 8);
    for (int i = 0; i < t.rank(); i++) {
      dims.setAtIndex(JAVA_LONG, i, t.shape(i));
      strides.setAtIndex(JAVA_LONG, i, t.stride(i));
    }
    int status = (int) Api.C.DESC_CREATE.invokeExact(out, t.rank(), dims, type(t.dtype()), strides);
    Api.check(status, "memory_desc_create_with_strides of " + t);
    return out.get(JAVA_LONG, 0);
  }

  private static int type(Dtype dtype) {
    return switch (dtype) {
      case F32 -> Api.F32;
      case BF16 -> Api.BF16;
      case F64, F16, I64, I32, I16, I8, U8, BOOL ->
          throw new IllegalArgumentException("no product of " + dtype);
    };
  }

  private static int length(int rank) {
    return 2 + 5 * rank;
  }

  private static void fill(long[] key, Tensor a, Tensor b, Tensor c, boolean add) {
    int n = 0;
    key[n++] = types(a, b, c, add);
    key[n++] = c.rank();
    for (int i = 0; i < c.rank(); i++) {
      key[n++] = c.shape(i);
      key[n++] = c.stride(i);
      key[n++] = a.stride(i);
      key[n++] = b.stride(i);
      key[n++] = a.shape(i) << 32 | b.shape(i);
    }
  }

  private static long types(Tensor a, Tensor b, Tensor c, boolean add) {
    return a.dtype().ordinal()
        | (b.dtype().ordinal() << 8)
        | (c.dtype().ordinal() << 16)
        | (add ? 1 << 24 : 0);
  }

  static int hash(Tensor a, Tensor b, Tensor c, boolean add) {
    long h = types(a, b, c, add);
    for (int i = 0; i < c.rank(); i++) {
      h = (h ^ c.shape(i)) * 0x9E3779B97F4A7C15L;
      h = (h ^ c.stride(i)) * 0x9E3779B97F4A7C15L;
      h = (h ^ a.stride(i)) * 0x9E3779B97F4A7C15L;
      h = (h ^ b.stride(i)) * 0x9E3779B97F4A7C15L;
      h = (h ^ a.shape(i) ^ (b.shape(i) << 20)) * 0x9E3779B97F4A7C15L;
      h ^= h >>> 29;
    }
    return (int) (h ^ h >>> 32);
  }

  boolean matches(Tensor a, Tensor b, Tensor c, boolean add) {
    if (key[0] != types(a, b, c, add) || key[1] != c.rank()) {
      return false;
    }
    int n = 2;
    for (int i = 0; i < c.rank(); i++) {
      if (key[n++] != c.shape(i)
          || key[n++] != c.stride(i)
          || key[n++] != a.stride(i)
          || key[n++] != b.stride(i)
          || key[n++] != (a.shape(i) << 32 | b.shape(i))) {
        return false;
      }
    }
    return true;
  }
}
