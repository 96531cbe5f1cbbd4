package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A flush reaches the device but in these tests; a closed channel tells, which refuses it.
class FlushTest {
  @Test
  void aFlushWaitsForTheDeviceUnlessATestSparesIt(@TempDir Path temp) throws IOException {
    assertThat(NoFlushes.DEFAULT).isTrue();
    Path file = temp.resolve("file");
    FileChannel closed = Disk.create(file);
    closed.close();
    assertThatCode(() -> Disk.force(closed, file)).doesNotThrowAnyException();
    Disk.flushes(true);
    try {
      assertThatThrownBy(() -> Disk.force(closed, file)).isInstanceOf(ClosedChannelException.class);
      Disk.force(file); // as it is told for a file and a folder
      Disk.forceFolder(temp);
      assertThat(Disk.cut(file, 0)).isTrue();
    } finally {
      Disk.flushes(false);
    }
  }
}
