package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Machine code in executable memory, kept until the process ends.
///
/// Pages are written first and made executable afterwards, never both. A call is critical: it has
/// no transition between Java and native code (a few nanoseconds), and holds up the garbage
/// collector until it returns, so callers keep it below a millisecond.
///
/// Threading: any number of threads may call.
final class Code {
  private static final long PAGE = 4096;
  private static final int READ_WRITE = 3;
  private static final int READ_EXECUTE = 5;
  private static final int PRIVATE_ANONYMOUS = 0x22;

  /// One handle, so that the JIT sees a constant: w, x, y, rows, scales, shape.
  private static final MethodHandle CALL =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.ofVoid(
                  JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
              Linker.Option.critical(false));

  /// Puts code into executable memory; empty if this process may have none.
  interface Memory {
    Optional<Code> of(byte[] code);
  }

  private final MemorySegment start;

  private Code(MemorySegment start) {
    this.start = start;
  }

  /// Puts code into pages of its own; empty if this process may have no executable memory.
  static Optional<Code> of(byte[] code) {
    long bytes = (code.length + PAGE - 1) / PAGE * PAGE;
    try {
      long at = (long) Posix.MMAP.invokeExact(0L, bytes, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
      if (at == -1) {
        return Optional.empty();
      }
      MemorySegment pages = MemorySegment.ofAddress(at).reinterpret(bytes);
      MemorySegment.copy(code, 0, pages, JAVA_BYTE, 0, code.length);
      if ((int) Posix.MPROTECT.invokeExact(at, bytes, READ_EXECUTE) != 0) {
        int ignored = (int) Posix.MUNMAP.invokeExact(at, bytes);
        return Optional.empty();
      }
      return Optional.of(new Code(pages));
    } catch (Throwable e) {
      throw new IllegalStateException("memory for code", e);
    }
  }

  /// Calls the code.
  ///
  /// Segments are passed as addresses: a segment argument would acquire and release its arena on
  /// each call, a shared counter on which threads contend. So the caller must keep the segments
  /// alive until the call returns; a close by another thread is not detected.
  void call(
      MemorySegment w,
      MemorySegment x,
      MemorySegment y,
      long rows,
      MemorySegment scales,
      MemorySegment shape) {
    call(w.address(), x.address(), y.address(), rows, scales, shape);
  }

  /// Calls the code with addresses within live segments.
  void call(long w, long x, long y, long rows, MemorySegment scales, MemorySegment shape) {
    try {
      CALL.invokeExact(start, w, x, y, rows, scales.address(), shape.address());
    } catch (Throwable e) {
      throw new IllegalStateException("a call of machine code", e);
    }
  }

  /// The functions of the C library.
  private static final class Posix {
    static final MethodHandle MMAP =
        handle(
            "mmap",
            FunctionDescriptor.of(
                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    static final MethodHandle MPROTECT =
        handle("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    static final MethodHandle MUNMAP =
        handle("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

    static MethodHandle handle(String name, FunctionDescriptor type) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type);
    }
  }
}
