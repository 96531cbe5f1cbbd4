package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Advises the system which pages of a mapped file are needed soon or no longer (`madvise`).
///
/// Advice changes when pages are read, never what they contain. Only read-only mappings of files
/// are accepted: dropping pages of other memory would lose data. On other systems than Linux, or
/// without native access, nothing happens.
///
/// Streaming weights only advises and copies nothing: own buffers would be a second copy of the
/// weights and a second path for every kernel. The page cache also still has the top layers when
/// the backward pass begins with them.
///
/// Threading: any thread.
public final class PageAdvice {
  private static final int WILL_NEED = 3; // Linux, all architectures
  private static final int DONT_NEED = 4;
  private static final int PAGE_OUT = 21; // since Linux 5.4; older kernels refuse it
  private static final @Nullable MethodHandle MADVISE = madvise();
  private static final long SIZE = size();

  private PageAdvice() {}

  /// Whether this system accepts advice about pages.
  public static boolean advised() {
    return MADVISE != null;
  }

  /// Asks for the pages to be read from the file; may wait until the reads are queued.
  public static void willNeed(MemorySegment mapped) {
    long from = mapped.address() / SIZE * SIZE;
    long to = (mapped.address() + mapped.byteSize() + SIZE - 1) / SIZE * SIZE;
    advise(mapped, from, to, WILL_NEED);
  }

  /// Drops pages from this process; they are read again from the page cache, or from the file if
  /// the cache has evicted them. Partial pages at either end stay.
  public static void drop(MemorySegment mapped) {
    long from = (mapped.address() + SIZE - 1) / SIZE * SIZE;
    long to = (mapped.address() + mapped.byteSize()) / SIZE * SIZE;
    advise(mapped, from, to, DONT_NEED);
  }

  /// Drops pages from this process and from the page cache, which leaves the cache to other files.
  public static void evict(MemorySegment mapped) {
    long from = (mapped.address() + SIZE - 1) / SIZE * SIZE;
    long to = (mapped.address() + mapped.byteSize()) / SIZE * SIZE;
    advise(mapped, from, to, PAGE_OUT);
    advise(mapped, from, to, DONT_NEED);
  }

  /// Returns whether memory accepts advice: a read-only mapping of a file.
  public static boolean isFile(MemorySegment segment) {
    return FileMemory.holds(segment);
  }

  private static void advise(MemorySegment mapped, long from, long to, int advice) {
    if (MADVISE == null || !isFile(mapped) || to <= from) {
      return;
    }
    try {
      // a refusal is ignored: the pages are then read on access
      int ignored = (int) MADVISE.invokeExact(MemorySegment.ofAddress(from), to - from, advice);
    } catch (Throwable e) {
      throw new IllegalStateException("madvise cannot be called", e);
    }
  }

  private static @Nullable MethodHandle madvise() {
    if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")) {
      return null;
    }
    return NativeAccess.function(
            "madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT))
        .orElse(null);
  }

  private static long size() {
    Optional<MethodHandle> getter =
        NativeAccess.function("getpagesize", FunctionDescriptor.of(JAVA_INT));
    try {
      return getter.isEmpty() ? 4096 : (int) getter.get().invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException("getpagesize cannot be called", e);
    }
  }
}
