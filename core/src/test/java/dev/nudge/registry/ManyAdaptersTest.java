package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A thousand adapters with some history are listed and resolved without a look at old events.
class ManyAdaptersTest {
  private static final int ADAPTERS = 1000;

  private static final Note NOTE =
      new Note(Instant.parse("2026-11-01T10:00:00.123Z"), "tester", "an \"ordinary\"\treason");

  @TempDir Path temp;

  private static String digest(String of) {
    return Sha256.of(of.getBytes(StandardCharsets.UTF_8));
  }

  /// Three versions of each, and an alias that went over them and back.
  private Path many() throws IOException {
    Path folder = Files.createDirectories(temp.resolve("registry"));
    List<String> lines = new ArrayList<>(List.of("{\"nudge_registry\":1}"));
    for (int i = 0; i < ADAPTERS; i++) {
      String name = "adapter-%04d".formatted(i);
      String last = null;
      for (int v = 1; v <= 3; v++) {
        String to = digest(name + v);
        lines.add(
            Json.line(
                new RegistryEvent.Pushed(name, NOTE, v, to, 1500, 9_000_000, 16, digest("base"))
                    .values()));
        lines.add(
            Json.line(
                new RegistryEvent.Moved(name, NOTE, "champion", last, to, v, false, List.of())
                    .values()));
        last = to;
      }
      lines.add(
          Json.line(
              new RegistryEvent.Moved(
                      name, NOTE, "champion", last, digest(name + 2), 2, true, List.of())
                  .values()));
    }
    Files.write(folder.resolve("journal.jsonl"), lines);
    return folder;
  }

  /// Overwrites the first events of the journal, which nobody can read from then on.
  private static void spoil(Path folder) throws IOException {
    Path journal = folder.resolve("journal.jsonl");
    byte[] bytes = Files.readAllBytes(journal);
    int head = "{\"nudge_registry\":1}\n".length();
    Arrays.fill(bytes, head, bytes.length / 2, (byte) '#');
    Files.write(journal, bytes);
    assertThatThrownBy(() -> new Journal(folder).read()).isInstanceOf(InputException.class);
  }

  @Test
  void aListReadsTheIndexAndNoEventBeforeIt() throws IOException {
    Path folder = many();
    List<Adapter> read = Registry.open(folder).list();
    Registry.open(folder).state(Reference.parse("adapter-0000:1"), VersionState.VALIDATED, NOTE);
    assertThat(folder.resolve("book.index")).exists();
    spoil(folder);
    List<Adapter> all = Registry.open(folder).list();
    assertThat(all.subList(1, ADAPTERS)).isEqualTo(read.subList(1, ADAPTERS));
    assertThat(all.getFirst().versions().getFirst().state()).isEqualTo(VersionState.VALIDATED);
    assertThat(all.get(7).aliases().getFirst().version()).isEqualTo(2);
    assertThat(all.get(7).versions().get(2).state()).isEqualTo(VersionState.RETIRED);
  }

  @Test
  void anIndexThatIsLostOldOrTornChangesNothing() throws IOException {
    Path folder = many();
    Registry.open(folder).state(Reference.parse("adapter-0000:1"), VersionState.VALIDATED, NOTE);
    List<Adapter> all = Registry.open(folder).list();
    Path index = folder.resolve("book.index");
    byte[] whole = Files.readAllBytes(index);
    Registry.open(folder).state(Reference.parse("adapter-0001:1"), VersionState.BLOCKED, NOTE);
    assertThat(index).hasBinaryContent(whole); // it is not worth it yet
    assertThat(Registry.open(folder).adapter("adapter-0001").versions().getFirst().state())
        .isEqualTo(VersionState.BLOCKED);
    Registry.open(folder).state(Reference.parse("adapter-0001:1"), VersionState.RETIRED, NOTE);
    for (byte[] bytes :
        List.of(
            Arrays.copyOf(whole, whole.length / 2),
            new byte[0],
            "1\t9\t0\t0\nX\n".getBytes(StandardCharsets.UTF_8))) {
      Files.write(index, bytes);
      assertThat(Registry.open(folder).list()).isEqualTo(all);
    }
    Files.write(index, whole);
    Path journal = folder.resolve("journal.jsonl");
    List<String> lines = Files.readAllLines(journal);
    Files.write(journal, lines.subList(0, 8)); // brought back from an old copy
    assertThat(Registry.open(folder).list()).hasSize(1);
  }

  @Test
  void whoHasItOpenFindsAVersionWithoutReadingTheJournalAgain() throws IOException {
    Path folder = many();
    Registry registry = Registry.open(folder);
    Reference reference = Reference.parse("adapter-0999@champion");
    assertThat(registry.find(reference).number()).isEqualTo(2);
    spoil(folder);
    assertThat(registry.find(reference).number()).isEqualTo(2);
  }
}
