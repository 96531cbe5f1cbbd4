package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Packs a plain factor into a [PackedLayout], or converts a matrix to another type.
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

  /// Copies a plain factor into a layout.
  static Reorder into(long engine, Tensor b, PackedLayout layout, Arena arena) throws Throwable {
    return of(engine, Primitive.descriptor(b), PackedLayout.clone(layout.handle()), arena);
  }

  /// Copies a matrix into one of another type.
  static Reorder cast(long engine, Tensor from, Tensor to, Arena arena) throws Throwable {
    return of(engine, Primitive.descriptor(from), Primitive.descriptor(to), arena);
  }

  /// @param from consumed by the memory object, as `to` is
  private static Reorder of(long engine, long from, long to, Arena arena) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check(
        (int) Api.C.REORDER_CREATE.invokeExact(call.out, from, engine, to, engine, 0L),
        "reorder_primitive_desc_create");
    long pd = call.made();
    Api.check((int) Api.C.PRIMITIVE_CREATE.invokeExact(call.out, pd), "primitive_create");
    long handle = call.made();
    Implementation.destroy(pd);
    MemorySegment arguments = arena.allocate(2 * 16, 8);
    long source = MatmulCall.memory(from, engine);
    long target = MatmulCall.memory(to, engine);
    arguments.set(JAVA_INT, 0, Api.ARG_SRC);
    arguments.set(JAVA_LONG, 8, source);
    arguments.set(JAVA_INT, 16, Api.ARG_DST);
    arguments.set(JAVA_LONG, 24, target);
    return new Reorder(handle, source, target, arguments);
  }

  void execute(long stream, MemorySegment source, MemorySegment target) throws Throwable {
    Api.check((int) Api.C.MEMORY_SET.invokeExact(from, source.address()), "memory_set_data_handle");
    Api.check((int) Api.C.MEMORY_SET.invokeExact(to, target.address()), "memory_set_data_handle");
    Api.check((int) Api.C.EXECUTE.invokeExact(handle, stream, 2, arguments), "execute");
  }

  void close() throws Throwable {
    Api.check((int) Api.C.MEMORY_DESTROY.invokeExact(from), "memory_destroy");
    Api.check((int) Api.C.MEMORY_DESTROY.invokeExact(to), "memory_destroy");
    Api.check((int) Api.C.PRIMITIVE_DESTROY.invokeExact(handle), "primitive_destroy");
  }
}
