package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Hold a mapped file to its promises: zeros, on the disk, and nothing left.
class MappedFileTest {
  private static final int BYTES = 9_000_001;

  @TempDir private Path temp;

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void theFileHasNoNameWhileItIsUsed() throws IOException {
    try (MappedFile file = MappedFile.create(temp, BYTES)) {
      file.segment().set(JAVA_BYTE, BYTES - 1, (byte) 7);
      assertThat(file.segment().get(JAVA_BYTE, BYTES - 1)).isEqualTo((byte) 7);
      try (Stream<Path> names = Files.list(temp)) {
        assertThat(names).isEmpty();
      }
    }
  }

  @Test
  void itBeginsAsZerosAndLeavesNothing() throws IOException {
    try (MappedFile file = MappedFile.create(temp, BYTES)) {
      assertThat(file.bytes()).isEqualTo(BYTES);
      assertThat(file.segment().toArray(JAVA_BYTE)).containsOnly(0);
    }
    try (Stream<Path> names = Files.list(temp)) {
      assertThat(names).isEmpty();
    }
  }

  @Test
  void aFolderThatCannotHoldItIsNamedWithTheKnob() {
    Path missing = temp.resolve("missing");
    assertThatThrownBy(() -> MappedFile.create(missing, BYTES))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("0.01 GiB")
        .hasMessageContaining(missing.toString())
        .hasMessageContaining("--out");
  }
}
