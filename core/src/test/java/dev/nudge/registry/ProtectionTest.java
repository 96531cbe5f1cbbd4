package dev.nudge.registry;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a registry keeps of protected aliases; how they move is in `ProtectedAliasTest` of `eval`.
class ProtectionTest {
  @TempDir Path temp;

  private static Note note(String why) {
    return Note.by("tester", why);
  }

  private Version pushed(Registry registry, int number) {
    Path folder = MadeAdapters.known(temp.resolve("adapter" + number), number);
    return registry.push("support", folder, note("a")).version();
  }

  @Test
  void aProtectionIsReadAgainFromTheJournalAndFromItsIndex() {
    Registry registry = Registry.open(temp.resolve("registry"));
    Version first = pushed(registry, 1);
    Version second = pushed(registry, 2);
    registry.alias("support", "champion", first, Alias.Expected.ANY, note("the first"));
    registry.protect(
        "support", "champion", "sha256:" + "d".repeat(64), false, note("from\tnow \"on\""));
    Registry again = Registry.open(registry.folder());
    assertThat(again.protection("support", "champion"))
        .isEqualTo(registry.protection("support", "champion"));
    for (int i = 0; i < 400; i++) { // until an index is worth it
      again.alias(
          "support",
          "other",
          i % 2 == 0 ? first : second,
          Alias.Expected.ANY,
          note("w".repeat(99)));
    }
    assertThat(registry.folder().resolve(CurrentBook.FILE)).exists();
    assertThat(Registry.open(registry.folder()).protection("support", "champion"))
        .isEqualTo(registry.protection("support", "champion"));
    Journal journal = new Journal(registry.folder());
    Book book = requireNonNull(CurrentBook.read(registry.folder(), journal, folder -> temp)).book();
    assertThat(requireNonNull(book.protection("support", "champion")).note().why())
        .isEqualTo("from\tnow \"on\"");
  }
}
