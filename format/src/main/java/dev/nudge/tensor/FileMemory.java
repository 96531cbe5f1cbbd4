package dev.nudge.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/// Maps files as segments of the same Java class as all other native memory.
///
/// The JDK's mapped segments have another class. A kernel that receives both classes, such as a
/// mapped weight and an adapter in native memory, is compiled with bounds checks in its loops:
/// decoding with an adapter took 1.75 times as long.
///
/// Threading: any thread.
public final class FileMemory {
  /// Live read-only mappings: address of the first byte → end address, exclusive.
  private static final ConcurrentSkipListMap<Long, Long> MAPS = new ConcurrentSkipListMap<>();

  private FileMemory() {}

  /// Maps the first `bytes` of a file.
  ///
  /// @param arena unmaps the file when it closes
  /// @return a segment, read-only if the mode is
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

  /// Maps the first `bytes` of a file, read-only.
  public static MemorySegment map(FileChannel channel, long bytes, Arena arena) throws IOException {
    return map(channel, MapMode.READ_ONLY, bytes, arena);
  }

  /// Whether a segment is in a read-only mapping of a file.
  static boolean holds(MemorySegment segment) {
    if (segment.isMapped()) {
      return segment.isReadOnly();
    }
    Map.Entry<Long, Long> map = segment.isNative() ? MAPS.floorEntry(segment.address()) : null;
    return map != null && segment.address() + segment.byteSize() <= map.getValue();
  }
}
