package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.FaultRounds;
import dev.nudge.format.Faults;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Replaces a run by another that fails or is killed at each of its changes of the disk: the folder
/// is the old run, or the new one as one of its saves left it, with a user's file always.
class RunFaultsTest {
  private static final Set<String> CHANGING = Set.of("run.json", "metrics.jsonl");

  @TempDir private Path temp;

  /// Held-out losses rise, so that the last is saved beside the best.
  private static TrainSettings settings(Path temp, Path out, String method) {
    boolean full = method.equals("full");
    return TinyRun.settings(
            full ? temp.resolve("sharded") : TinyRun.TIED,
            temp.resolve("rows"),
            out,
            "eval_data",
            temp.resolve("held").toString(),
            "eval_steps",
            1,
            "batch_size",
            2,
            "steps",
            3,
            "learning_rate",
            0.3,
            "warmup",
            0,
            "schedule",
            "constant",
            "lanes",
            1,
            "threads", // a busy neighbour would slow two
            1,
            "compute", // auto is measured, and may differ from run to run
            "fp32",
            "method",
            method,
            "save_steps",
            1)
        .with("overwrite", true);
  }

  private static void run(TrainSettings settings, Consumer<TrainEvent> events) {
    Training.run(Training.prepare(settings, TinyRun.MACHINE), events, () -> false);
  }

  private static void look(Path folder) {
    for (Path f : List.of(folder, folder.resolve("last"))) {
      if (Files.isDirectory(f)) {
        OutFolder.mend(f);
        if (Files.exists(f.resolve("adapter_config.json"))) {
          PeftAdapter.open(f).close();
        } else {
          ModelConfig.load(f);
          SafeTensors.open(f).close();
        }
      }
    }
  }

  /// An old run of the other kind with a user's file, and what the new one leaves at each save.
  private FaultRounds rounds(String method) throws IOException {
    TinyRun.sharded(temp.resolve("sharded"));
    TinyRun.rows(temp.resolve("rows"), 6, 30, 1);
    TinyRun.rows(temp.resolve("held"), 3, 30, 2);
    Path before = temp.resolve("before");
    String other = method.equals("full") ? "lora" : "full";
    run(settings(temp, before, other), event -> {});
    last(before);
    Files.writeString(before.resolve("mine.txt"), "mine");
    Path out = temp.resolve("out");
    List<Map<String, String>> saves = new ArrayList<>();
    Faults.restore(before, out);
    run(
        settings(temp, out, method),
        event -> {
          if (event instanceof TrainEvent.Saved) {
            try {
              saves.add(FaultRounds.fixed(Faults.files(out), CHANGING));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          }
        });
    assertThat(saves).as("saves").hasSize(3).doesNotHaveDuplicates();
    Set<Map<String, String>> news = new HashSet<>(saves);
    for (int i = 1; i < saves.size(); i++) { // a run that fails saves beside its best
      news.add(beside(saves.get(i - 1), saves.get(i), method));
    }
    assertThat(out.resolve("mine.txt")).hasContent("mine");
    return new FaultRounds(before, out, news, CHANGING);
  }

  /// A save with a later one as the last beside it.
  private static Map<String, String> beside(
      Map<String, String> best, Map<String, String> last, String method) {
    Map<String, String> both = new TreeMap<>(best);
    both.keySet().removeIf(name -> name.startsWith("last/"));
    last.forEach(
        (name, bytes) -> {
          boolean tokenizer = name.startsWith("tokenizer") && method.equals("lora");
          if (!name.equals("mine.txt") && !name.startsWith("last/") && !tokenizer) {
            both.put("last/" + name, bytes);
          }
        });
    return both;
  }

  /// Has an old run's last lie beside its best, whatever its losses were.
  private static void last(Path before) throws IOException {
    Path last = before.resolve("last");
    if (Files.exists(last)) {
      return;
    }
    Path copy = before.resolveSibling("copy");
    Faults.restore(before, copy);
    for (String name :
        List.of(
            "run.json",
            "metrics.jsonl",
            "events.jsonl",
            "loss.svg",
            "tokenizer.json",
            "tokenizer_config.json")) {
      Files.deleteIfExists(copy.resolve(name)); // they stand beside the adapter to use alone
    }
    Files.move(copy, last);
  }

  private void faults(String method, Faults.Kind kind, int stride) throws IOException {
    FaultRounds rounds = rounds(method);
    int many =
        rounds.failing(
            kind,
            stride,
            () -> run(settings(temp, temp.resolve("out"), method), event -> {}),
            RunFaultsTest::look);
    assertThat(many).isGreaterThan(100 / stride);
  }

  @ParameterizedTest
  @CsvSource({"lora, FAILED", "lora, KILLED", "full, FAILED", "full, KILLED"})
  void oldOrNewWholeAtSomeChanges(String method, Faults.Kind kind) throws IOException {
    faults(method, kind, 47);
  }

  @ParameterizedTest
  @Tag("slow")
  @CsvSource({"lora, FAILED", "lora, KILLED", "full, FAILED", "full, KILLED"})
  void oldOrNewWholeAtEveryChange(String method, Faults.Kind kind) throws IOException {
    faults(method, kind, 1);
  }

  @ParameterizedTest
  @Tag("slow")
  @CsvSource({"lora", "full"})
  void aProcessThatIsHaltedAtSomeChangesLeavesOldOrNew(String method) throws Exception {
    FaultRounds rounds = rounds(method);
    int many =
        rounds.killing(
            43, RunFaultsTest.class, List.of(temp.toString(), method), RunFaultsTest::look);
    assertThat(many).isGreaterThan(6);
  }

  /// Trains in a process that ends before a change.
  public static void main(String[] args) {
    Path temp = Path.of(args[1]);
    Faults.haltAt(Integer.parseInt(args[0]));
    run(settings(temp, temp.resolve("out"), args[2]), event -> {});
    System.exit(0);
  }

  /// A new run that is killed at a change leaves an adapter that loads, or none.
  @Test
  void aFreshRunHasAWholeAdapterOrNone() throws IOException {
    fresh(1 + Seeds.random().nextInt(29), 29);
  }

  @Test
  @Tag("slow")
  void soDoesAFreshRunThatIsKilledAtMoreChanges() throws IOException {
    fresh(1, 11);
  }

  private void fresh(int first, int stride) throws IOException {
    TinyRun.rows(temp.resolve("rows"), 6, 30, 1);
    TinyRun.rows(temp.resolve("held"), 3, 30, 2);
    Path out = temp.resolve("out");
    TrainSettings settings = settings(temp, out, "lora").with("overwrite", false);
    boolean met = true;
    for (int n = first; met; n += stride) {
      OutFolder.delete(out);
      met = Faults.met(Faults.Kind.KILLED, n, () -> run(settings, event -> {}));
      for (Path f : List.of(out, out.resolve("last"))) {
        OutFolder.mend(f);
        boolean there = Files.exists(f.resolve("adapter_model.safetensors"));
        assertThat(Files.exists(f.resolve("adapter_config.json"))).isEqualTo(there);
        assertThat(Files.exists(f.resolve("nudge.json"))).isEqualTo(there);
        if (there) {
          PeftAdapter.open(f).close();
        }
      }
    }
  }
}
