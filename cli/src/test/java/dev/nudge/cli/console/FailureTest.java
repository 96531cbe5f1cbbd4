package dev.nudge.cli.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.nudge.tensor.FileMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Tells a mapped file that vanished under the command from other faults of the JVM.
class FailureTest {
  private static final int BYTES = 1 << 16;

  @TempDir private Path temp;

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a file that is mapped cannot be cut")
  void aMappedFileThatIsCutShortIsOneLine() throws IOException {
    Path file = Files.write(temp.resolve("weights"), new byte[BYTES]);
    try (Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment mapped = FileMemory.map(channel, BYTES, arena);
      channel.truncate(0);
      byte[] to = new byte[BYTES];
      Throwable fault =
          catchThrowable(() -> MemorySegment.copy(mapped, 0, MemorySegment.ofArray(to), 0, BYTES));
      assertThat(fault).isInstanceOf(InternalError.class);
      Failure told = Failure.of(fault);
      assertThat(told.code()).isEqualTo(ExitCode.FAILED);
      assertThat(told.line()).startsWith("a file that was being read is gone or cut short");
    }
  }

  @Test
  void anotherInternalErrorIsNone() {
    assertThat(Failure.of(new InternalError("no such constant")).line())
        .isEqualTo("internal error: InternalError: no such constant (--stack-trace shows where)");
    assertThat(Failure.of(new InternalError()).line())
        .isEqualTo("internal error: InternalError (--stack-trace shows where)");
  }
}
