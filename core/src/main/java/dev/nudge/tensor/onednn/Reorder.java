package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Copies a plain factor into a [Layout].
final class Reorder {
  private final long handle;
  private final long from;
  private final long to;
  private final MemorySegment arguments;

  private Reorder(long handle, long from, long to, MemorySegment arguments) {
    this.handle = handle;
    this.from = from;
    this.to = to;
    this.arguments = arguments;
  }

  static List<Long> key(Tensor b, Layout layout) {
    return List.of(layout.handle(), b.stride(0), b.stride(1));
  }

  static Reorder of(long engine, Tensor b, Layout layout, Arena arena) throws Throwable {
    CallMemory call = CallMemory.own();
    long plain = Primitive.descriptor(b, false);
    Api.check(
        (int)
            Api.C.REORDER_CREATE.invokeExact(call.out, plain, engine, layout.handle(), engine, 0L),
        "reorder_primitive_desc_create of " + b);
    long pd = call.made();
    Api.check((int) Api.C.PRIMITIVE_CREATE.invokeExact(call.out, pd), "primitive_create");
    long handle = call.made();
    Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
    MemorySegment arguments = arena.allocate(2 * 16, 8);
    long from = Product.memory(plain, engine);
    long to = Product.memory(Layout.clone(layout.handle()), engine);
    arguments.set(JAVA_INT, 0, Api.ARG_SRC);
    arguments.set(JAVA_LONG, 8, from);
    arguments.set(JAVA_INT, 16, Api.ARG_DST);
    arguments.set(JAVA_LONG, 24, to);
    return new Reorder(handle, from, to, arguments);
  }

  void execute(long stream, MemorySegment plain, MemorySegment packed) throws Throwable {
    Api.check((int) Api.C.MEMORY_SET.invokeExact(from, plain.address()), "memory_set_data_handle");
    Api.check((int) Api.C.MEMORY_SET.invokeExact(to, packed.address()), "memory_set_data_handle");
    Api.check((int) Api.C.EXECUTE.invokeExact(handle, stream, 2, arguments), "execute");
  }

  void close() throws Throwable {
    Api.check((int) Api.C.MEMORY_DESTROY.invokeExact(from), "memory_destroy");
    Api.check((int) Api.C.MEMORY_DESTROY.invokeExact(to), "memory_destroy");
    Api.check((int) Api.C.PRIMITIVE_DESTROY.invokeExact(handle), "primitive_destroy");
  }
}
