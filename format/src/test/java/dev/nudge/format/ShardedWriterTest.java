package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model in several files is written as a whole or not at all.
class ShardedWriterTest {
  @TempDir private Path temp;

  private Map<Path, List<Entry>> files() {
    Map<Path, List<Entry>> files = new LinkedHashMap<>();
    for (String name : List.of("a", "b", "c")) {
      files.put(temp.resolve(name), List.of(new Entry(name, StoredType.U8, List.of(2L))));
    }
    return files;
  }

  private static MemorySegment bytes(int value) {
    return MemorySegment.ofArray(new byte[] {(byte) value, (byte) value});
  }

  private void write(int value, List<String> names) {
    try (ShardedWriter writer = ShardedWriter.create(Map.of(), files())) {
      names.forEach(name -> writer.write(name, bytes(value)));
    }
  }

  private byte last(String name) throws IOException {
    byte[] all = Files.readAllBytes(temp.resolve(name));
    return all[all.length - 1];
  }

  @Test
  void eachTensorIsInItsFile() throws IOException {
    write(1, List.of("c", "a", "b"));
    for (String name : List.of("a", "b", "c")) {
      assertThat(last(name)).isEqualTo((byte) 1);
    }
    assertThat(temp.toFile().list()).hasSize(3);
  }

  @Test
  void aModelThatIsThereIsNotWrittenOver() throws IOException {
    write(1, List.of("a", "b", "c"));
    Files.delete(temp.resolve("a"));
    assertThatThrownBy(() -> write(2, List.of("a", "b", "c")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(temp.resolve("b") + " is there already");
    assertThat(temp.toFile().list()).containsExactlyInAnyOrder("b", "c");
    assertThat(last("b")).isEqualTo((byte) 1);
  }

  @Test
  void oneThatIsNotWholeLeavesNone() {
    assertThatThrownBy(() -> write(2, List.of("a", "c")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("was closed before b");
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void oneThatFailsWhileItIsWrittenLeavesNone() {
    assertThatThrownBy(
            () -> {
              try (ShardedWriter writer = ShardedWriter.create(Map.of(), files())) {
                writer.write("a", bytes(2));
                writer.write("b", MemorySegment.ofArray(new byte[3]));
              }
            })
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not what was announced");
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void aFailureAtAnyChangeLeavesAllOrNone() throws IOException {
    boolean met = true;
    for (int n = 1; met; n++) {
      met = Faults.met(Faults.Kind.FAILED, n, () -> write(1, List.of("a", "b", "c")));
      String[] names = temp.toFile().list();
      assertThat(names)
          .as("at %d", n)
          .satisfiesAnyOf(
              all -> assertThat(all).isEmpty(),
              all -> assertThat(all).containsExactlyInAnyOrder("a", "b", "c"));
      for (String name : names) {
        Files.delete(temp.resolve(name));
      }
    }
  }
}
