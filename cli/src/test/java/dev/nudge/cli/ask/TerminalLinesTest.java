package dev.nudge.cli.ask;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TerminalLinesTest {

  @ParameterizedTest
  @ValueSource(strings = {"first\\", "\"\"\"", "\"\"\"first\nsecond", "\"\"\"a\" \""})
  void aMessageGoesOnInTheNextLine(String typed) {
    assertThat(TerminalLines.open(typed)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "first", "a \\ b", "\"\"\"first\nsecond\"\"\"", "say \"\"\" to me"})
  void aMessageIsWhole(String typed) {
    assertThat(TerminalLines.open(typed)).isFalse();
  }

  @Test
  void whatSaysThatItGoesOnIsNotPartOfIt() {
    assertThat(TerminalLines.message("one\\\ntwo")).isEqualTo("one\ntwo");
    assertThat(TerminalLines.message("\"\"\"\none\n  two\n\"\"\" ")).isEqualTo("one\n  two");
    assertThat(TerminalLines.message("\"\"\"\"\"\"")).isEmpty();
    assertThat(TerminalLines.message("a \"quoted\" word")).isEqualTo("a \"quoted\" word");
  }

  @Test
  void whatWasTypedIsReadByItsOwnerAlone(@TempDir Path folder) throws IOException {
    assumeTrue(
        folder.getFileSystem().supportedFileAttributeViews().contains("posix"),
        "the file system has no modes");
    Path fresh = folder.resolve("cache/chat-history");
    assertThat(TerminalLines.isPrivate(fresh)).isTrue();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(fresh)))
        .isEqualTo("rw-------");
    Path wide = Files.writeString(folder.resolve("chat-history"), "1:typed\n");
    Files.setPosixFilePermissions(wide, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(TerminalLines.isPrivate(wide)).isTrue();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(wide)))
        .isEqualTo("rw-------");
    assertThat(wide).hasContent("1:typed");
    assertThat(TerminalLines.isPrivate(wide.resolve("below-a-file"))).isFalse();
  }
}
