package dev.nudge.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/// Files seen as memory, in the class of segments that all other native memory has.
///
/// What the JDK maps is a class of its own. A kernel that meets both, such as a weight in its file
/// and an adapter beside it, is compiled with bounds checks in its loops: decoding with an adapter
/// took 1.75 times as long.
///
/// Threading: any thread.
public final class FileMemory {
  /// The read-only maps that are there: address of the first byte, and of the one behind the last.
  private static final ConcurrentSkipListMap<Long, Long> MAPS = new ConcurrentSkipListMap<>();

  private FileMemory() {}

  /// Maps the first `bytes` of a file.
  ///
  /// @param arena with which the map ends
  /// @return read-only where the mode is
  static MemorySegment map(FileChannel channel, MapMode mode, long bytes, Arena arena)
      throws IOException {
    MemorySegment mapped = channel.map(mode, 0, bytes, arena);
    if (!NativeAccess.given() || bytes == 0) {
      return mapped;
    }
    long at = mapped.address();
    if (mode != MapMode.READ_ONLY) {
      return MemorySegment.ofAddress(at).reinterpret(bytes, arena, null);
    }
    MemorySegment seen =
        MemorySegment.ofAddress(at)
            .reinterpret(bytes, arena, ended -> MAPS.remove(at)); // before the JDK unmaps it
    MAPS.put(at, at + bytes);
    return seen.asReadOnly();
  }

  /// Maps the first `bytes` of a file, to be read.
  public static MemorySegment map(FileChannel channel, long bytes, Arena arena) throws IOException {
    return map(channel, MapMode.READ_ONLY, bytes, arena);
  }

  /// Whether a segment lies in a file that is mapped to be read.
  static boolean holds(MemorySegment segment) {
    if (segment.isMapped()) {
      return segment.isReadOnly();
    }
    Map.Entry<Long, Long> map = segment.isNative() ? MAPS.floorEntry(segment.address()) : null;
    return map != null && segment.address() + segment.byteSize() <= map.getValue();
  }
}
