package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Looks where a folder grows and what is left where it was put, or was not.
class NewFolderTest {
  @TempDir private Path temp;

  private static void fill(NewFolder folder, String text) throws IOException {
    Files.writeString(folder.path().resolve("config.json"), text);
    Files.createDirectories(folder.path().resolve("parts"));
    Files.writeString(folder.path().resolve("parts/a"), text);
  }

  @Test
  void aFolderThatIsNotThereIsMadeWithItsParents() throws IOException {
    Path out = temp.resolve("a/b/out");
    try (NewFolder folder = NewFolder.at(out)) {
      fill(folder, "new");
      assertThat(out).doesNotExist();
      folder.place(List.of());
    }
    assertThat(out.resolve("parts/a")).hasContent("new");
    assertThat(temp.resolve("a/b").toFile().list()).containsExactly("out");
  }

  @Test
  void whatIsNotPlacedLeavesNothing() throws IOException {
    try (NewFolder folder = NewFolder.at(temp.resolve("a/b/out"))) {
      fill(folder, "new");
    }
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void aLinkStaysALink() throws IOException {
    Path disk = Files.createDirectories(temp.resolve("disk/out"));
    Path link = Files.createSymbolicLink(temp.resolve("link"), disk);
    try (NewFolder folder = NewFolder.at(link)) {
      fill(folder, "new");
      folder.place(List.of());
    }
    assertThat(link).isSymbolicLink();
    assertThat(disk.resolve("config.json")).hasContent("new");
    assertThat(temp.resolve("disk").toFile().list()).containsExactly("out");
  }

  @Test
  void whereNothingCanBeMadeBesideItGrowsInside() throws IOException {
    Path above = Files.createDirectories(temp.resolve("above"));
    Path out = Files.createDirectories(above.resolve("out"));
    Files.writeString(out.resolve("old"), "old");
    Files.writeString(out.resolve("mine"), "mine");
    Files.createDirectories(out.resolve(".nudge.new/left")); // of a killed process
    Files.setPosixFilePermissions(above, PosixFilePermissions.fromString("r-xr-xr-x"));
    try {
      assumeFalse(Files.isWritable(above), "root may write anywhere");
      try (NewFolder folder = NewFolder.at(out)) {
        fill(folder, "new");
        folder.place(List.of("old"));
      }
    } finally {
      Files.setPosixFilePermissions(above, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    assertThat(out.toFile().list()).containsExactlyInAnyOrder("config.json", "parts", "mine");
    assertThat(out.resolve("parts/a")).hasContent("new");
  }

  @Test
  void whatAKilledProcessLeftInsideIsNothing() throws IOException {
    Path out = Files.createDirectories(temp.resolve("out"));
    Files.createDirectories(out.resolve(".nudge.new/left"));
    assertThat(OutFolder.isFree(out)).isTrue();
    try (NewFolder folder = NewFolder.at(out)) {
      fill(folder, "new");
      folder.place(List.of());
    }
    assertThat(out.toFile().list()).containsExactlyInAnyOrder("config.json", "parts");
  }
}
