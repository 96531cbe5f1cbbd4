package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// One product of fixed shapes, strides and types, ready to execute: the memory objects and the
/// argument array for its [Primitive].
final class MatmulCall {
  static final int ARGUMENTS = 4 * 16;

  final int hash;
  long used;
  final long scratchBytes;
  private final long[] key;
  final MemorySegment arguments;
  final long primitive;
  private final long src;
  private final long weights;
  private final long dst;
  private final long scratch;

  /// @param arguments [#ARGUMENTS] bytes for the argument array; the caller's to reuse
  MatmulCall(
      long engine,
      Primitive primitive,
      Tensor a,
      Tensor b,
      Tensor c,
      boolean add,
      boolean onAmx,
      long layout,
      MemorySegment arguments)
      throws Throwable {
    hash = hash(a, b, c, add, onAmx, layout);
    key = new long[length(c.rank())];
    fill(key, a, b, c, add, onAmx, layout);
    this.primitive = primitive.handle;
    scratchBytes = primitive.scratchBytes;
    src = memory(Primitive.descriptor(a), engine);
    weights =
        memory(
            Primitive.packed(layout) ? PackedLayout.clone(layout) : Primitive.descriptor(b),
            engine);
    dst = memory(Primitive.descriptor(c), engine);
    scratch = memory(Primitive.bytes(scratchBytes), engine);
    this.arguments = arguments;
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

  void close() throws Throwable {
    for (long m : new long[] {src, weights, dst, scratch}) {
      Api.check((int) Api.C.MEMORY_DESTROY.invokeExact(m), "memory_destroy");
    }
  }

  static long memory(long descriptor, long engine) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check(
        (int) Api.C.MEMORY_CREATE.invokeExact(call.out, descriptor, engine, 0L), "memory_create");
    Primitive.destroy(descriptor);
    return call.made();
  }

  private void argument(int i, int kind, long memory) {
    arguments.set(JAVA_INT, i * 16L, kind);
    arguments.set(JAVA_LONG, i * 16L + 8, memory);
  }

  private static int length(int rank) {
    return 3 + 5 * rank;
  }

  private static void fill(
      long[] key, Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    int n = 0;
    key[n++] = types(a, b, c, add, onAmx);
    key[n++] = layout;
    key[n++] = c.rank();
    for (int i = 0; i < c.rank(); i++) {
      key[n++] = c.shape(i);
      key[n++] = c.stride(i);
      key[n++] = a.stride(i);
      key[n++] = b.stride(i);
      key[n++] = a.shape(i) << 32 | b.shape(i);
    }
  }

  static long types(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx) {
    return a.dtype().ordinal()
        | (b.dtype().ordinal() << 8)
        | (c.dtype().ordinal() << 16)
        | (add ? 1 << 24 : 0)
        | (onAmx ? 1 << 25 : 0);
  }

  static int hash(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    long h = types(a, b, c, add, onAmx) ^ layout;
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

  boolean matches(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
    if (key[0] != types(a, b, c, add, onAmx) || key[1] != layout || key[2] != c.rank()) {
      return false;
    }
    int n = 3;
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
