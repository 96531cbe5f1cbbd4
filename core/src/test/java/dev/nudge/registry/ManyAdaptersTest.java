package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A thousand adapters with some history are listed within 0.2 s, and resolved in no time.
class ManyAdaptersTest {
  private static final int ADAPTERS = 1000;

  @TempDir Path temp;

  private static String digest(String of) {
    return Sha256.of(of.getBytes(StandardCharsets.UTF_8));
  }

  /// Three versions of each, and an alias that went over them and back.
  private Path many() throws IOException {
    Path folder = Files.createDirectories(temp.resolve("registry"));
    List<String> lines = new ArrayList<>(List.of("{\"nudge_registry\":1}"));
    Note note = new Note(Instant.parse("2026-11-01T10:00:00.123Z"), "tester", "an ordinary reason");
    for (int i = 0; i < ADAPTERS; i++) {
      String name = "adapter-%04d".formatted(i);
      String last = null;
      for (int v = 1; v <= 3; v++) {
        String to = digest(name + v);
        lines.add(
            Json.line(
                new Event.Pushed(name, note, v, to, 1500, 9_000_000, 16, digest("base"))
                    .values()));
        lines.add(
            Json.line(new Event.Moved(name, note, "champion", last, to, v, false).values()));
        last = to;
      }
      lines.add(
          Json.line(
              new Event.Moved(name, note, "champion", last, digest(name + 2), 2, true).values()));
    }
    Files.write(folder.resolve("journal.jsonl"), lines);
    return folder;
  }

  @Test
  void aThousandAreListedWithinAFifthOfASecond() throws IOException {
    Path folder = many();
    List<Double> seconds = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      long start = System.nanoTime();
      List<Adapter> all = Registry.open(folder).list();
      seconds.add((System.nanoTime() - start) / 1e9);
      assertThat(all).hasSize(ADAPTERS);
      assertThat(all.get(7).aliases().getFirst().version()).isEqualTo(2);
      assertThat(all.get(7).versions().get(2).state()).isEqualTo(VersionState.RETIRED);
    }
    System.out.printf(Locale.ROOT, "list of %d adapters: %s s%n", ADAPTERS, seconds);
    // the least: another process may have the processors meanwhile
    assertThat(seconds.stream().mapToDouble(s -> s).min().orElseThrow()).isLessThan(0.2);
  }

  @Test
  void whoHasItOpenFindsAVersionWithoutReadingTheJournalAgain() throws IOException {
    Registry registry = Registry.open(many());
    Reference reference = Reference.parse("adapter-0999@champion");
    registry.find(reference);
    long start = System.nanoTime();
    for (int i = 0; i < 1000; i++) {
      assertThat(registry.find(reference).number()).isEqualTo(2);
    }
    double each = (System.nanoTime() - start) / 1e6;
    System.out.printf(Locale.ROOT, "resolving: %.1f us%n", each);
    assertThat(each).isLessThan(1000); // microseconds
  }
}
