package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.collective.Collective;
import dev.nudge.collective.Ranks;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Makes runs on several ranks, and the same on one process with as many lanes: files, metrics and
/// checkpoints have the same bytes.
class RanksTest {
  private static final List<String> COLUMNS =
      List.of("loss", "lr", "grad_norm", "tokens", "trained_tokens", "eval_loss");

  @TempDir private Path temp;

  private TrainSettings settings(String out, int lanes, Object... more) throws IOException {
    Path data = TinyRun.rows(temp.resolve("rows.jsonl"), 41, 60, 1);
    Path held = TinyRun.rows(temp.resolve("held.jsonl"), 7, 60, 2);
    List<Object> all =
        new ArrayList<>(
            List.of(
                "lanes",
                lanes,
                "threads",
                lanes,
                "batch_size",
                7,
                "steps",
                9,
                "learning_rate",
                0.02,
                "eval_data",
                held.toString(),
                "eval_steps",
                4,
                "save_steps",
                5,
                "keep",
                9));
    all.addAll(List.of(more));
    return TinyRun.settings(TinyRun.TIED, data, temp.resolve(out), all.toArray());
  }

  @ParameterizedTest
  @CsvSource({
    "lora, fp32, 2, 1",
    "lora, auto, 2, 1",
    "lora, fp32, 3, 1",
    "lora, auto, 2, 2",
    "full, fp32, 2, 1",
    "full, auto, 3, 1"
  })
  void ranksLeaveTheBytesOfAsManyLanes(String method, String compute, int ranks, int lanes)
      throws IOException {
    Object[] more =
        method.equals("full")
            ? new Object[] {"compute", compute, "method", "full"}
            : new Object[] {"compute", compute, "dropout", 0.2, "rank", 4};
    TinyRun.run(settings("one", ranks * lanes, more));
    train(ranks, settings("many", lanes, more));
    Path one = temp.resolve("one");
    Path many = temp.resolve("many");
    List<Path> files = weights(one);
    assertThat(files).hasSizeGreaterThanOrEqualTo(3); // two checkpoints, and the result
    assertThat(weights(many)).isEqualTo(files);
    for (Path file : files) {
      assertThat(many.resolve(file)).hasSameBinaryContentAs(one.resolve(file));
    }
    for (String column : COLUMNS) {
      assertThat(column(many, column)).as(column).isEqualTo(column(one, column)).isNotEmpty();
    }
    assertThat(TinyRun.record(many).at("/plan/ranks").asInt()).isEqualTo(ranks);
  }

  /// Pairs are scored before each step, by rank 0 alone.
  @Test
  void preferencesAreTrainedOnRanksToo() throws IOException {
    Path pairs = TinyRun.preferences(temp.resolve("pairs.jsonl"), 9, 40, 3);
    for (int ranks : new int[] {1, 2}) {
      TrainSettings settings =
          TinyRun.settings(
              TinyRun.TIED,
              pairs,
              temp.resolve("dpo" + ranks),
              "objective dpo batch_size 3 steps 4 learning_rate 0.02 compute fp32",
              "lanes",
              2 / ranks,
              "threads",
              2 / ranks);
      train(ranks, settings);
    }
    String file = "adapter_model.safetensors";
    assertThat(temp.resolve("dpo2").resolve(file))
        .hasSameBinaryContentAs(temp.resolve("dpo1").resolve(file));
  }

  @Test
  void aRunThatLostARankGoesOnToTheSameBytes() throws IOException {
    TinyRun.run(settings("one", 2, "compute", "fp32", "rank", 4));
    TrainSettings settings = settings("many", 1, "compute", "fp32", "rank", 4);
    assertThatThrownBy(() -> lose(settings, 7))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith("rank 0 of 2: rank 1 is gone");
    assertThat(TinyRun.record(temp.resolve("many")).get("state").asString()).isEqualTo("failed");
    train(2, settings);
    for (Path file : weights(temp.resolve("one"))) {
      if (!file.toString().contains("checkpoints")) { // the failed run has left one more
        assertThat(temp.resolve("many").resolve(file))
            .hasSameBinaryContentAs(temp.resolve("one").resolve(file));
      }
    }
  }

  /// Rank 1 goes with the order to begin a step.
  private static void lose(TrainSettings settings, int step) {
    Ranks.run(
        2,
        rank ->
            all -> {
              if (rank == 0) {
                Training.run(
                    Training.prepare(settings, TinyRun.MACHINE.among(all)),
                    event -> {
                      if (event instanceof TrainEvent.Step made && made.step() == step) {
                        all.close();
                      }
                    },
                    () -> false);
                return null;
              }
              try {
                Training.follow(settings, TinyRun.MACHINE.among(all));
              } catch (RunException e) {
                // what rank 0 says is looked at
              }
              return null;
            });
  }

  @Test
  void anotherNumberOfRanksGoesOnWithAWarning() throws IOException {
    TrainSettings settings = settings("many", 1, "compute", "fp32");
    assertThatThrownBy(() -> lose(settings, 7)).isInstanceOf(RunException.class);
    Prepared prepared = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(prepared.plan().ranks()).isEqualTo(1);
    assertThat(prepared.warnings())
        .anyMatch(
            line ->
                line.startsWith(
                    "the run resumes with a new layout, as the number of ranks is another"));
    assertThat(TinyRun.run(settings).state()).isEqualTo(RunState.FINISHED);
    assertThat(column(temp.resolve("many"), "loss")).hasSize(9);
  }

  @Test
  void whatOneProcessAloneCanDoIsRefused() throws IOException {
    TrainSettings eva = settings("eva", 1, "init", "eva");
    var two = TinyRun.MACHINE.among(Collective.planned(2));
    assertThatThrownBy(() -> Training.prepare(eva, two))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--init eva: ");
    String rows = temp.resolve("rows.jsonl").toString();
    TrainSettings replayed = settings("replay", 1, "replay", List.of(rows));
    assertThatThrownBy(() -> Training.prepare(replayed, two))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--replay: ");
  }

  /// Makes a run on so many ranks.
  private static RunResult train(int ranks, TrainSettings settings) {
    return Ranks.run(
        ranks,
        rank ->
            all -> {
              var machine = TinyRun.MACHINE.among(all);
              if (rank > 0) {
                Training.follow(settings, machine);
                return null;
              }
              return Training.run(Training.prepare(settings, machine), event -> {}, () -> false);
            });
  }

  private static List<Path> weights(Path out) throws IOException {
    try (var files = Files.walk(out)) {
      return files
          .filter(file -> file.toString().endsWith(".safetensors"))
          .map(out::relativize)
          .sorted()
          .toList();
    }
  }

  private static List<String> column(Path out, String name) throws IOException {
    return TinyRun.metrics(out, name).stream().map(line -> line.get(name).toString()).toList();
  }
}
