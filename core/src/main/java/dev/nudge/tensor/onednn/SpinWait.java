package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;

/// Sets how long OpenMP threads of one product spin for each other before they sleep.
///
/// oneDNN splits a product over OpenMP threads, and GNU's OpenMP lets a finished thread spin for
/// some milliseconds. If another process keeps a processor busy, the thread that the others wait
/// for is not running, so all wait for the system's next time slice. Threads that sleep at once
/// cost a third of decode speed on a quiet machine, because a wake-up takes as long as a small
/// product. So they spin about as long as a wake-up takes: full speed on a quiet machine, and
/// little loss beside a busy process (`bench/neighbour`).
final class SpinWait {
  private static final String SPINS = "GOMP_SPINCOUNT"; // read by GNU's OpenMP as it is loaded
  private static final String POLICY = "OMP_WAIT_POLICY"; // set by the user
  private static final String COUNT = "1000";

  private SpinWait() {}

  /// Sets the spin count for a library that is loaded next, unless the user has set it.
  static void beforeLoading() {
    var setenv = Linker.nativeLinker().defaultLookup().find("setenv");
    if (setenv.isEmpty() || isSet(POLICY)) {
      return;
    }
    Arena arena = Arena.ofAuto(); // no memory belongs to one thread: see CallMemory
    try {
      int _ =
          (int)
              Linker.nativeLinker()
                  .downcallHandle(
                      setenv.get(), FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT))
                  .invokeExact(arena.allocateFrom(SPINS), arena.allocateFrom(COUNT), 0);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("setenv", e);
    }
  }

  /// Whether the environment has a variable, as the C library sees it.
  private static boolean isSet(String name) {
    Arena arena = Arena.ofAuto();
    try {
      MemorySegment value =
          (MemorySegment)
              Linker.nativeLinker()
                  .downcallHandle(
                      Linker.nativeLinker().defaultLookup().findOrThrow("getenv"),
                      FunctionDescriptor.of(ADDRESS, ADDRESS))
                  .invokeExact(arena.allocateFrom(name));
      return value.address() != 0;
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("getenv", e);
    }
  }
}
