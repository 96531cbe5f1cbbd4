package dev.nudge.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.net.URL;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Libraries are loaded only from where nobody else may write, and only whole.
class NativeFolderTest {
  private static final String LIBRARY = "library of this version";

  @TempDir Path temp;
  private Path cache;
  private URL source;
  private String sha256;

  @BeforeEach
  void unpackable() throws Exception {
    cache = temp.toRealPath().resolve("cache");
    source = Files.writeString(temp.resolve("source"), LIBRARY).toUri().toURL();
    sha256 =
        HexFormat.of()
            .formatHex(
                MessageDigest.getInstance("SHA-256")
                    .digest(Files.readAllBytes(temp.resolve("source"))));
  }

  private Path unpack() {
    return NativeFolder.of(cache, "made/linux", "oneDNN (90 MB)").file("lib.so", source, sha256);
  }

  private static void mode(Path file, String mode) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
  }

  private void needsModes() {
    assumeTrue(
        temp.getFileSystem().supportedFileAttributeViews().contains("unix"),
        "the file system has no owners and modes");
  }

  private void refused(String message) {
    assertThatThrownBy(this::unpack)
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("oneDNN (90 MB) is not loaded from " + cache)
        .hasMessageContaining(message)
        .hasMessageEndingWith("set NUDGE_CACHE to a folder that only you may write")
        .hasMessageNotContaining("\n");
  }

  @Test
  void whatIsUnpackedCanBeWrittenByItsOwnerAlone() throws IOException {
    needsModes();
    Path library = unpack();
    assertThat(library).isEqualTo(cache.resolve("made/linux/lib.so")).hasContent(LIBRARY);
    assertThat(unpack()).isEqualTo(library); // notes what it has seen
    try (var all = Files.walk(cache)) {
      assertThat(all.map(NativeFolderTest::mode).toList())
          .containsExactlyInAnyOrder(
              "cache rwxr-xr-x",
              "made rwxr-xr-x",
              "linux rwxr-xr-x",
              "lib.so rw-r--r--",
              "lib.so.checked rw-r--r--");
    }
  }

  private static String mode(Path file) {
    try {
      return file.getFileName()
          + " "
          + PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aFolderThatOthersMayWriteIsRefused() throws IOException {
    needsModes();
    unpack();
    mode(cache, "rwxrwxrwx");
    refused("other users may write %s (mode 777); run chmod -R go-w %1$s, or".formatted(cache));
    mode(cache, "rwxr-xr-x");
    Path above = temp.toRealPath();
    mode(above, "rwx----w-");
    refused("other users may write %s (mode 702); run chmod go-w %1$s, or".formatted(above));
    mode(above, "rwxr-xr-x");
    assertThat(unpack()).hasContent(LIBRARY);
  }

  /// A umask of 002, the default of some systems, makes such folders.
  @Test
  void aFolderOfTheCacheThatTheGroupMayWriteIsClosed() throws IOException {
    needsModes();
    Path library = unpack();
    FileTime time = Files.getLastModifiedTime(library);
    Files.writeString(library, "x".repeat(LIBRARY.length()));
    Files.setLastModifiedTime(library, time);
    assertThat(unpack()).content().startsWith("xx"); // its note says that it was read
    mode(cache, "rwxrwxr-x");
    mode(cache.resolve("made/linux"), "rwxrwxr-x");
    assertThat(unpack()).hasContent(LIBRARY);
    for (String folder : List.of(".", "made/linux")) {
      assertThat(Files.getPosixFilePermissions(cache.resolve(folder)))
          .isEqualTo(PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  /// As `/tmp` is: all may write it, and nobody may replace what another one owns.
  @Test
  void aStickyFolderAboveMayBeWrittenByAll() throws IOException {
    needsModes();
    Files.createDirectories(cache);
    Files.setAttribute(cache, "unix:mode", 01777);
    assertThat(unpack()).hasContent(LIBRARY);
    Files.setAttribute(cache.resolve("made/linux"), "unix:mode", 01777);
    refused("other users may write " + cache.resolve("made/linux") + " (mode 1777)");
  }

  @Test
  void aFolderOfAnotherUserIsRefused() throws IOException {
    needsModes();
    Files.createDirectories(cache.resolve("made"));
    chown(cache.resolve("made"), 12_345);
    refused(cache.resolve("made") + " belongs to another user (12345); set");
    chown(cache.resolve("made"), 0); // root's is everybody's
    Files.createSymbolicLink(temp.resolve("linked"), cache);
    cache = temp.resolve("linked");
    assertThat(unpack()).hasContent(LIBRARY);
    chown(temp.toRealPath().resolve("cache"), 12_345);
    assertThatThrownBy(this::unpack).hasMessageContaining("cache belongs to another user (12345)");
  }

  @Test
  void aFileThatAnotherUserMayHaveWrittenIsUnpackedAgain() throws IOException {
    needsModes();
    Path library = unpack();
    unpack();
    // Of the right size and time: only its mode tells.
    FileTime time = Files.getLastModifiedTime(library);
    Files.writeString(library, LIBRARY.replace("this", "evil"));
    Files.setLastModifiedTime(library, time);
    mode(library, "rw-rw-r--");
    assertThat(unpack()).hasContent(LIBRARY);
    assertThat(mode(library)).isEqualTo("lib.so rw-r--r--");
    Path elsewhere = Files.writeString(temp.resolve("elsewhere"), LIBRARY);
    Files.delete(library);
    Files.createSymbolicLink(library, elsewhere);
    assertThat(unpack()).isRegularFile();
    assertThat(Files.isSymbolicLink(library)).isFalse();
  }

  @Test
  void aFileOfAnotherUserIsUnpackedAgain() throws IOException {
    needsModes();
    Path library = unpack();
    unpack();
    FileTime time = Files.getLastModifiedTime(library);
    Files.writeString(library, LIBRARY.replace("this", "evil"));
    Files.setLastModifiedTime(library, time);
    chown(library, 12_345);
    assertThat(unpack()).hasContent(LIBRARY);
    assertThat(Files.getAttribute(library, "unix:uid")).isNotEqualTo(12_345);
  }

  /// A note that others may write proves nothing, so the digest is computed.
  @Test
  void aNoteThatOthersMayWriteIsNotBelieved() throws IOException {
    needsModes();
    Path library = unpack();
    unpack();
    FileTime time = Files.getLastModifiedTime(library);
    Files.writeString(library, LIBRARY.replace("this", "evil"));
    Files.setLastModifiedTime(library, time);
    mode(library.resolveSibling("lib.so.checked"), "rw-rw-rw-");
    assertThat(unpack()).hasContent(LIBRARY);
  }

  @Test
  void aDamagedFileIsUnpackedAgain() throws IOException {
    Path library = unpack();
    unpack();
    Files.writeString(library, LIBRARY.replace("this", "evil"));
    Files.setLastModifiedTime(library, FileTime.fromMillis(1_000));
    assertThat(unpack()).hasContent(LIBRARY);
    NativeFolder own = NativeFolder.of(cache, "own", "the tokenizer library (16 MB)");
    Path other = own.file("lib.so", source, null); // the class path's own digest
    own.file("lib.so", source, null);
    Files.writeString(other, LIBRARY.replace("this", "evil"));
    Files.setLastModifiedTime(other, FileTime.fromMillis(1_000));
    assertThat(own.file("lib.so", source, null)).hasContent(LIBRARY);
  }

  @Test
  void anotherLibraryOnTheClassPathIsNotTaken() throws IOException {
    sha256 = "0".repeat(64);
    assertThatThrownBy(this::unpack)
        .isInstanceOf(NativeFolder.StrangeLibrary.class)
        .hasMessage("lib.so on the class path is not the one of this version");
    assertThat(cache.resolve("made/linux")).isEmptyDirectory();
  }

  @Test
  void aCacheThatCannotBeWrittenIsRefusedInOneLine() throws IOException {
    cache = Files.writeString(temp.resolve("file"), "");
    assertThatThrownBy(this::unpack)
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("oneDNN (90 MB) cannot be unpacked to " + cache)
        .hasMessageEndingWith("; set NUDGE_CACHE to a writable folder")
        .hasMessageNotContaining("\n");
  }

  private static void chown(Path file, int uid) throws IOException {
    try {
      Files.setAttribute(file, "unix:uid", uid, LinkOption.NOFOLLOW_LINKS);
    } catch (FileSystemException e) {
      assumeTrue(false, "only root gives a file to another user");
    }
  }
}
