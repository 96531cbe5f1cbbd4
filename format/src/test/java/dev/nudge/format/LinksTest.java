package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Puts links to files and folders elsewhere in the way of everything that is written: what they
/// lead to stays as it was.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right there")
class LinksTest {
  @TempDir private Path temp;
  private Path out;
  private Path outside;
  private Map<String, String> before;

  @BeforeEach
  void somethingOutside() throws IOException {
    out = Files.createDirectory(temp.resolve("out"));
    outside = Files.createDirectories(temp.resolve("outside"));
    for (String name : List.of("file", "a", "config.json")) {
      Files.writeString(outside.resolve(name), "mine");
    }
    before = Faults.files(outside);
  }

  @AfterEach
  void nothingOutsideIsTouched() throws IOException {
    assertThat(Faults.files(outside)).isEqualTo(before);
  }

  private Path link(String name, String to) throws IOException {
    Files.createDirectories(out.resolve(name).getParent());
    return Files.createSymbolicLink(out.resolve(name), outside.resolve(to));
  }

  @Test
  void aFileTakesThePlaceOfALink() throws IOException {
    Path file = link("run.json", "file");
    Path growing = link("run.json.tmp", "a");
    OutFolder.place(file, "new");
    assertThat(file).hasContent("new").isRegularFile();
    assertThat(Files.isSymbolicLink(file)).isFalse();
    assertThat(growing).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"file", "absent"})
  void aLinkIsNotWrittenBehind(String to) throws IOException {
    Path metrics = link("metrics.jsonl", to);
    String line = "cannot write " + metrics + ": metrics.jsonl is a link, and what it leads to is";
    assertThatThrownBy(() -> OutFolder.append(metrics, "{}"))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith(line);
    assertThatThrownBy(() -> OutFolder.cut(metrics, 0)).hasMessageStartingWith(line);
    assertThatThrownBy(() -> OutFolder.force(metrics)).hasMessageStartingWith(line);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "absent"})
  void aLinkIsDeletedAsItself(String to) throws IOException {
    Path link = link("tree/link", to);
    OutFolder.delete(link);
    assertThat(Files.isSymbolicLink(link)).isFalse();
    Path inside = link("tree/link", to);
    OutFolder.delete(out.resolve("tree"));
    assertThat(Files.isSymbolicLink(inside)).isFalse();
    assertThat(out.resolve("tree")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {".nudge.writer", ".nudge.lock"})
  void aLockIsNoLink(String name) throws IOException {
    link(name, "absent"); // opened, it would be made
    Files.writeString(out.resolve("old"), "old");
    assertThatThrownBy(() -> replace("a", List.of("old")))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith("cannot write " + out + ": " + name + " is a link");
    assertThat(out.resolve("old")).hasContent("old");
  }

  @Test
  void whatAKilledProcessLeftIsDeletedAsALink() throws IOException {
    link(".nudge.new", "");
    replace("a", List.of());
    assertThat(out.toFile().list()).containsExactly("a");
  }

  @ParameterizedTest
  @ValueSource(strings = {".nudge.old", ".nudge.put"})
  void nothingIsBroughtBackFromBehindALink(String name) throws IOException {
    link(name, "");
    assertThatThrownBy(() -> OutFolder.checkPlace(out))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot be mended: " + name + " is a link");
  }

  @Test
  void filesBehindALinkedFolderAreNotReplaced() throws IOException {
    link("sub", "");
    Files.writeString(out.resolve("config.json"), "old");
    assertThatThrownBy(() -> replace("sub/a", List.of()))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("sub is a link, and what it leads to is not written");
    assertThat(out.resolve("config.json")).hasContent("old");
  }

  /// A file may come to be where a link was, wherever the swap is cut off.
  @ParameterizedTest
  @EnumSource
  void aLinkThatGoesMakesRoomForAFolder(Faults.Kind kind) throws IOException {
    boolean met = true;
    for (int n = 1; met; n++) {
      OutFolder.delete(out);
      Files.writeString(Files.createDirectory(out).resolve("config.json"), "old");
      link("parts/sub", "");
      met = Faults.met(kind, n, () -> replace("parts/sub/a", List.of("parts/sub")));
      OutFolder.mend(out);
      boolean there = Files.isSymbolicLink(out.resolve("parts/sub"));
      assertThat(out.resolve("config.json")).hasContent(there ? "old" : "new");
      if (!there) {
        assertThat(out.resolve("parts/sub/a")).hasContent("new");
      }
      assertThat(met || !there).isTrue();
    }
  }

  @Test
  void namesThatLeadThroughALinkAreLeftAlone() throws IOException {
    link("sub", "");
    Files.writeString(out.resolve("b"), "old");
    replace("a", List.of("sub/a", "sub/config.json", "b"));
    assertThat(out.resolve("a")).hasContent("new");
    assertThat(out.resolve("b")).doesNotExist();
    assertThat(out.resolve("sub")).isSymbolicLink();
  }

  @Test
  void aPlaceMayBeALinkThatTheUserNamed() throws IOException {
    Path real = Files.createDirectory(temp.resolve("real"));
    Path place = Files.createSymbolicLink(temp.resolve("place"), real);
    OutFolder.checkPlace(place);
    out = place;
    replace("a", List.of());
    assertThat(real.resolve("a")).hasContent("new");
    Files.delete(real.resolve("a"));
    Files.delete(real);
    assertThatThrownBy(() -> OutFolder.checkPlace(place))
        .hasMessage(
            "--out "
                + place
                + " is a link to what is not there; remove it, or give another folder");
  }

  private void replace(String name, List<String> old) {
    try (NewFolder folder = NewFolder.at(out)) {
      for (String file : List.of("config.json", name)) {
        if (file.equals(name) || Files.exists(out.resolve(file))) {
          OutFolder.make(folder.path().resolve(file).getParent());
          OutFolder.place(folder.path().resolve(file), "new");
        }
      }
      folder.place(old);
    }
  }
}
