package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Foresees a full disk, and places where nothing can be kept, without writing.
class DiskRoomTest {
  @TempDir private Path temp;

  @Test
  void whatDoesNotFitIsToldWithWhatIsFreeAndWhatHelps() throws IOException {
    Path out = temp.resolve("a/b"); // neither is there
    DiskRoom.check(out, 1, "this", "");
    assertThatThrownBy(
            () -> DiskRoom.check(out, 1L << 60, "two models", ", or give a smaller --rank"))
        .isInstanceOf(InputException.class)
        .hasMessageMatching(
            "--out \\Q%s\\E has too little free space: up to 1073741824\\.00 GiB are needed \\(two models\\), and [0-9.]+ [KMG]iB are free; make room or give --out on another disk, or give a smaller --rank"
                .formatted(out));
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void onlyFilesThatAreThereCount() throws IOException {
    Path a = Files.writeString(temp.resolve("a"), "12345");
    Path b = Files.writeString(temp.resolve("b"), "123");
    assertThat(DiskRoom.bytes(List.of(a, b, temp, temp.resolve("none")))).isEqualTo(8);
  }

  @Test
  void aViewOfTheSystemKeepsNothing() {
    Path proc = Path.of("/proc");
    assumeTrue(Files.isDirectory(proc.resolve("self")), "only Linux has it");
    assertThat(DiskRoom.view(proc)).isEqualTo("proc");
    assertThat(DiskRoom.view(temp)).isNull();
    assertThatThrownBy(() -> OutFolder.checkPlace(proc.resolve("x/y")))
        .isInstanceOf(InputException.class)
        .hasMessageMatching(
            "--out /proc/x/y cannot be (made: /proc is a virtual file system \\(proc\\), which"
                + " keeps no files|written: no permission in /proc, or its disk is read-only); give"
                + " another folder");
  }
}
