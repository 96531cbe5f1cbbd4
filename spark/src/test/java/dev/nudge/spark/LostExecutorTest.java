package dev.nudge.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.eval.sweep.Sweep;
import dev.nudge.machine.Machine;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Training;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/// Two executors of two processes, one of which is killed. `SPARK_HOME` names a distribution, from
/// which executors are started: of `pip download pyspark` it is the folder `deps`.
@Tag("slow")
class LostExecutorTest {
  private static final Path MODEL =
      Path.of("../core/src/test/resources/golden/llama/grouped-tied/model");

  private static final int KILLS = 10;

  @TempDir private Path temp;

  @Test
  void aRunThatLostAnExecutorLeavesTheBytesOfOneThatDidNot() throws IOException {
    assumeTrue(System.getenv("SPARK_HOME") != null, "SPARK_HOME names no distribution of Spark");
    Path rows = rows();
    Path one = temp.resolve("one");
    Machine machine = Machine.here(ExecutorModel.cache());
    Training.run(settings(rows, one, 2, 300), machine, _ -> {}, _ -> {}, () -> false);
    List<String> warnings = new ArrayList<>();
    boolean[] killed = {false};
    Path many = temp.resolve("many");
    SparkSession session = SparkTests.executors(1);
    try {
      NudgeSpark.train(
          session,
          settings(rows, many, 1, 300),
          RankSettings.of(2),
          event -> {
            if (event instanceof TrainEvent.Step step && step.step() >= 7 && !killed[0]) {
              killed[0] = executors().findFirst().orElseThrow().destroyForcibly();
            }
            if (event instanceof TrainEvent.Warning warning) {
              warnings.add(warning.line());
            }
          },
          () -> false);
    } finally {
      session.stop();
    }
    assertThat(killed[0]).isTrue();
    assertThat(warnings)
        .anyMatch(
            line ->
                line.startsWith("the stage failed behind step ")
                    && line.endsWith("; it begins again from the newest checkpoint"));
    String file = "adapter_model.safetensors";
    assertThat(many.resolve(file)).hasSameBinaryContentAs(one.resolve(file));
    assertThat(losses(many)).isEqualTo(losses(one)).hasSize(300);
  }

  /// Kills one of the two behind ten random steps. Of steps close to each other, the later executor
  /// dies while the stage begins again.
  @Test
  void aRunThatLostTenExecutorsToo(TestReporter told) throws Exception {
    assumeTrue(System.getenv("SPARK_HOME") != null, "SPARK_HOME names no distribution of Spark");
    int steps = 600;
    Path rows = rows();
    Path one = temp.resolve("one");
    Machine machine = Machine.here(ExecutorModel.cache());
    Training.run(settings(rows, one, 2, steps), machine, _ -> {}, _ -> {}, () -> false);
    AtomicInteger reached = new AtomicInteger();
    List<String> moments = Collections.synchronizedList(new ArrayList<>());
    int[] drawn = new Random().ints(KILLS, 1, steps * 6 / 10).sorted().toArray();
    Path many = temp.resolve("many");
    SparkSession session = SparkTests.executors(1);
    Thread killing =
        Thread.ofVirtual()
            .start(
                () -> {
                  for (int step : drawn) {
                    moments.add("behind step " + kill(reached, step));
                  }
                });
    try {
      NudgeSpark.train(
          session,
          settings(rows, many, 1, steps),
          new RankSettings(2, 0, Duration.ofMinutes(1), KILLS + 1),
          event -> {
            if (event instanceof TrainEvent.Step step) {
              reached.set(step.step());
            }
            if (event instanceof TrainEvent.Warning warning) {
              moments.add(warning.line());
            }
          },
          () -> false);
    } finally {
      killing.interrupt();
      killing.join();
      session.stop();
    }
    told.publishEntry("killed", String.join("\n", moments));
    assertThat(moments).filteredOn(line -> line.startsWith("behind step ")).hasSize(KILLS);
    String file = "adapter_model.safetensors";
    assertThat(many.resolve(file)).hasSameBinaryContentAs(one.resolve(file));
    assertThat(losses(many)).isEqualTo(losses(one)).hasSize(steps);
  }

  /// Kills an executor at some time behind a step.
  ///
  /// @return the step that was told by then
  private static int kill(AtomicInteger reached, int step) {
    Random random = new Random();
    int delay = random.nextInt(Job.LOOK);
    while (reached.get() < step) {
      Job.sleep(10);
    }
    Job.sleep(delay);
    while (true) {
      List<ProcessHandle> all = executors().toList();
      if (!all.isEmpty() && all.get(random.nextInt(all.size())).destroyForcibly()) {
        return reached.get();
      }
      Job.sleep(10);
    }
  }

  @Test
  void aSweepThatLostAnExecutorLeavesTheBoardOfOneThatDidNot() throws IOException {
    assumeTrue(System.getenv("SPARK_HOME") != null, "SPARK_HOME names no distribution of Spark");
    Path rows = rows();
    Map<String, Object> base = SharedPaths.given(settings(rows, temp, 1, 100));
    base.remove("out");
    base.put("eval_split", "0.2");
    base.put("memory", "1G");
    Map<String, Object> document =
        Map.of(
            "base",
            base,
            "list",
            List.of(Map.of("rank", 4), Map.of("rank", 8), Map.of("learning_rate", 1e-2)),
            "halving",
            Map.of("keep", 0.5, "at", List.of(40)));
    Machine machine = Machine.here(ExecutorModel.cache());
    boolean[] killed = {true};
    Sweep.run(sweep("one"), document, machine, run -> run, killing(killed), () -> false);
    killed[0] = false;
    SparkSession session = SparkTests.executors(1);
    try {
      NudgeSpark.sweep(
          session, sweep("many"), document, run -> run, 2, killing(killed), () -> false);
    } finally {
      session.stop();
    }
    assertThat(killed[0]).isTrue();
    assertThat(temp.resolve("many/leaderboard.json"))
        .hasSameBinaryContentAs(temp.resolve("one/leaderboard.json"));
    for (String name : List.of("rank=4", "rank=8", "learning_rate=0.01")) {
      String file = name + "/adapter_model.safetensors";
      assertThat(temp.resolve("many").resolve(file))
          .hasSameBinaryContentAs(temp.resolve("one").resolve(file));
    }
  }

  private Path rows() throws IOException {
    List<String> lines =
        IntStream.range(0, 40)
            .mapToObj(i -> "{\"prompt\": \"pump %d\", \"completion\": \" valve\"}".formatted(i))
            .toList();
    return Files.write(temp.resolve("rows.jsonl"), lines);
  }

  private SweepSettings sweep(String out) {
    return SweepSettings.of(Path.of("sweep.yaml"), temp.resolve(out));
  }

  /// Kills an executor once a setting has made seven steps, unless one was killed.
  private static Sweep.Watcher killing(boolean[] killed) {
    return new Sweep.Watcher() {
      @Override
      public void line(String line) {}

      @Override
      public void warning(String line) {}

      @Override
      public void event(String setting, TrainEvent event) {
        if (event instanceof TrainEvent.Step step && step.step() >= 7 && !killed[0]) {
          killed[0] = executors().findFirst().orElseThrow().destroyForcibly();
        }
      }

      @Override
      public void ended(String setting, String why) {}
    };
  }

  private static Stream<ProcessHandle> executors() {
    return ProcessHandle.current().descendants().filter(LostExecutorTest::isExecutor);
  }

  /// By the system's file: the command line that Java tells ends behind a page.
  private static boolean isExecutor(ProcessHandle process) {
    try {
      Path commandLine = Path.of("/proc/" + process.pid() + "/cmdline");
      return Files.readString(commandLine).contains("CoarseGrainedExecutorBackend");
    } catch (IOException e) {
      return false; // it has ended
    }
  }

  private static TrainSettings settings(Path rows, Path out, int lanes, int steps) {
    Map<String, Object> values = new HashMap<>();
    values.put("model", MODEL);
    values.put("data", List.of(rows.toString()));
    values.put("out", out);
    values.put("lanes", lanes);
    values.put("threads", lanes);
    values.put("batch_size", 4);
    values.put("steps", steps);
    values.put("save_steps", steps < 600 ? 5 : 25);
    return TrainSettings.of(values);
  }

  private static List<String> losses(Path out) throws IOException {
    return Files.readAllLines(out.resolve("metrics.jsonl")).stream()
        .map(line -> line.replaceAll(".*\"loss\":([^,]*),.*", "$1"))
        .toList();
  }
}
