package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Fails and kills the replacing of a folder at each of its changes: old or new, whole.
class SwapTest {
  private static final List<String> OLD = List.of("config.json", "a", "b", "last/x", "gone");

  @TempDir private Path temp;
  private Path out;
  private Map<String, String> old;
  private Map<String, String> made;

  @BeforeEach
  void folders() throws IOException {
    out = temp.resolve("out");
    fill(temp.resolve("old"), "old", "config.json", "a", "b", "last/x", "mine.txt", "own/z");
    fill(temp.resolve("both"), "new", "config.json", "a", "c", "parts/y");
    fill(temp.resolve("both"), "old", "mine.txt", "own/z");
    old = Faults.files(temp.resolve("old"));
    made = Faults.files(temp.resolve("both"));
  }

  private static void fill(Path folder, String text, String... names) throws IOException {
    for (String name : names) {
      Path file = folder.resolve(name);
      Files.createDirectories(file.getParent());
      Files.writeString(file, text + " " + name);
    }
  }

  private void replace() {
    try (NewFolder folder = NewFolder.at(out)) {
      for (String name : List.of("config.json", "a", "c", "parts/y")) {
        OutFolder.make(folder.path().resolve(name).getParent());
        OutFolder.place(folder.path().resolve(name), "new " + name);
      }
      folder.place(OLD);
    }
  }

  private boolean whole() throws IOException {
    Map<String, String> files = Faults.files(out);
    assertThat(files).isIn(old, made);
    return files.equals(made);
  }

  @ParameterizedTest
  @EnumSource
  void oldOrNewWholeWhereverItEnds(Faults.Kind kind) throws IOException {
    boolean placed = false;
    int n = 0;
    boolean met;
    do {
      Faults.restore(temp.resolve("old"), out);
      met = Faults.met(kind, ++n, this::replace);
      if (kind == Faults.Kind.FAILED) {
        whole(); // at once
      }
      OutFolder.mend(out);
      boolean now = whole();
      assertThat(now || !placed || kind == Faults.Kind.FAILED).as("new stays new (%d)", n).isTrue();
      placed = now;
      replace(); // the next command has nothing in its way, and leaves nothing
      assertThat(Faults.files(out)).isEqualTo(made);
      assertThat(out.toFile().list())
          .containsExactlyInAnyOrder("config.json", "a", "c", "parts", "mine.txt", "own");
    } while (met);
    assertThat(n).isGreaterThan(25);
    assertThat(placed).isTrue();
  }

  @Test
  void aMendingThatIsKilledIsMended() throws IOException {
    for (int n = 1; n < 40; n++) {
      boolean more = true;
      for (int m = 1; more; m++) {
        Faults.restore(temp.resolve("old"), out);
        Faults.met(Faults.Kind.KILLED, n, this::replace);
        more = Faults.met(Faults.Kind.KILLED, m, () -> OutFolder.mend(out));
        OutFolder.mend(out);
        whole();
      }
    }
  }

  @Test
  void aNewFolderIsThereOrNot() throws IOException {
    boolean met = true;
    for (int n = 1; met; n++) {
      Faults.restore(temp.resolve("old"), out);
      OutFolder.delete(out);
      met = Faults.met(Faults.Kind.KILLED, n, this::replace);
      assertThat(Faults.files(out).keySet())
          .isIn(java.util.Set.of(), java.util.Set.of("config.json", "a", "c", "parts/y"));
    }
  }

  @Test
  void aSingleFileThatChangesIsRenamedOverTheOldOne() throws IOException {
    Faults.restore(temp.resolve("old"), out);
    try (NewFolder folder = NewFolder.at(out)) {
      OutFolder.place(folder.path().resolve("a"), "new a");
      OutFolder.place(folder.path().resolve("b"), "old b");
      AtomicBoolean aside = new AtomicBoolean();
      Disk.watch((change, path) -> aside.compareAndSet(false, path.endsWith(".nudge.old")));
      folder.place(List.of());
      assertThat(aside).isFalse();
    } finally {
      Disk.watch(null);
    }
    assertThat(out.resolve("a")).hasContent("new a");
    assertThat(out.resolve(".nudge.new")).doesNotExist();
  }

  @Test
  void namesThatLeadOutOfTheFolderAreLeftAlone() throws IOException {
    Faults.restore(temp.resolve("old"), out);
    Files.writeString(temp.resolve("outside"), "mine");
    try (NewFolder folder = NewFolder.at(out)) {
      OutFolder.place(folder.path().resolve("a"), "new a");
      folder.place(List.of("../outside", temp.resolve("outside").toString(), "b", ""));
    }
    assertThat(temp.resolve("outside")).exists();
    assertThat(out.resolve("b")).doesNotExist();
  }

  /// Who looks at a folder while another replaces it waits for its turn and finds nothing to mend.
  @Test
  void aLivingSwapIsNotMended() throws Exception {
    Faults.restore(temp.resolve("old"), out);
    AtomicBoolean begun = new AtomicBoolean();
    Thread[] reader = {new Thread(() -> OutFolder.mend(out))};
    try (NewFolder folder = NewFolder.at(out)) {
      OutFolder.place(folder.path().resolve("a"), "new a");
      OutFolder.place(folder.path().resolve("config.json"), "new config");
      Disk.watch(
          (change, path) -> {
            if (path.endsWith(".nudge.put") && begun.compareAndSet(false, true)) {
              reader[0].start();
            }
          });
      folder.place(OLD);
    } finally {
      Disk.watch(null);
    }
    reader[0].join();
    assertThat(begun).isTrue();
    assertThat(Faults.files(out).keySet())
        .containsExactlyInAnyOrder("a", "config.json", "mine.txt", "own/z");
  }

  @Test
  void aFolderThatCannotBeMendedSaysSo() throws IOException {
    Faults.restore(temp.resolve("old"), out);
    Files.createDirectory(out.resolve(".nudge.old"));
    Files.writeString(out.resolve(".nudge.old/b"), "b");
    Files.delete(out.resolve("b"));
    Files.createDirectories(out.resolve("b/in-the-way"));
    assertThatThrownBy(() -> OutFolder.mend(out))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            out + " was left half replaced by a command that was killed, and cannot be mended: ")
        .hasMessageEndingWith("; once that is cleared, the next command mends it");
  }
}
