package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileMemoryTest {
  @TempDir Path folder;

  private FileChannel file(int bytes) throws IOException {
    byte[] content = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      content[i] = (byte) i;
    }
    Path path = Files.write(folder.resolve("file"), content);
    return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  @Test
  void aFileHasTheClassOfOtherNativeMemory() throws Exception {
    try (FileChannel channel = file(10_000);
        Arena arena = Arena.ofShared()) {
      MemorySegment other = arena.allocate(16);
      for (MemorySegment mapped :
          new MemorySegment[] {
            FileMemory.map(channel, 10_000, arena),
            FileMemory.map(channel, MapMode.READ_WRITE, 10_000, arena)
          }) {
        assertThat(mapped.getClass()).isEqualTo(other.getClass());
        assertThat(mapped.byteSize()).isEqualTo(10_000);
        assertThat(mapped.get(JAVA_BYTE, 9_999)).isEqualTo((byte) 9_999);
      }
    }
  }

  @Test
  void whatIsMappedToBeReadIsNotWritten() throws Exception {
    try (FileChannel channel = file(100);
        Arena arena = Arena.ofShared()) {
      MemorySegment mapped = FileMemory.map(channel, 100, arena);
      assertThatThrownBy(() -> mapped.set(JAVA_BYTE, 0, (byte) 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void onlyFilesToBeReadAreFiles() throws Exception {
    MemorySegment mapped;
    try (FileChannel channel = file(10_000);
        Arena arena = Arena.ofShared()) {
      mapped = FileMemory.map(channel, 10_000, arena);
      assertThat(FileMemory.holds(mapped)).isTrue();
      assertThat(FileMemory.holds(mapped.asSlice(5_000, 5_000))).isTrue();
      MemorySegment beyond = MemorySegment.ofAddress(mapped.address()).reinterpret(10_001);
      assertThat(FileMemory.holds(beyond)).isFalse();
      assertThat(FileMemory.holds(arena.allocate(100))).isFalse();
      assertThat(FileMemory.holds(arena.allocate(100).asReadOnly())).isFalse();
      assertThat(FileMemory.holds(MemorySegment.ofArray(new byte[9]))).isFalse();
      MemorySegment written = FileMemory.map(channel, MapMode.READ_WRITE, 10_000, arena);
      assertThat(FileMemory.holds(written)).isFalse();
    }
    assertThat(FileMemory.holds(mapped)).as("when the map has ended").isFalse();
    assertThatThrownBy(() -> mapped.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
  }
}
