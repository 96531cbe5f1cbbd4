package dev.nudge.spark;

import static dev.nudge.spark.SparkTests.rows;
import static dev.nudge.spark.SparkTests.weights;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.eval.sweep.Sweep;
import dev.nudge.format.Faults;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.spark.SparkTests.Ran;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Sweeps over two tasks of this process, against the same sweeps on one machine.
class LocalSweepTest {
  private static final Path MODEL =
      Path.of("../core/src/test/resources/golden/llama/grouped-tied/model").toAbsolutePath();

  private static final AtomicInteger FAILED = new AtomicInteger(); // tasks
  private static final AtomicInteger ENDED = new AtomicInteger(); // tasks
  private static SparkSession session;

  @TempDir private Path temp;

  @BeforeAll
  static void begin() {
    session = SparkTests.session("local[2,3]").getOrCreate(); // a task may fail twice
    session
        .sparkContext()
        .addSparkListener(
            new SparkListener() {
              @Override
              public void onTaskEnd(SparkListenerTaskEnd end) {
                (end.taskInfo().successful() ? ENDED : FAILED).incrementAndGet();
              }
            });
  }

  @AfterAll
  static void end() {
    session.stop();
  }

  private Map<String, Object> document(Object tried, Map<String, Object> more) throws IOException {
    Map<String, Object> base = new HashMap<>();
    base.put("model", MODEL.toString());
    base.put("data", List.of(rows(temp).toString()));
    base.put("eval_split", "0.25");
    base.put("steps", 8);
    base.put("batch_size", 4);
    base.put("eval_steps", 3);
    base.put("save_steps", 3);
    base.put("lanes", 1);
    base.put("threads", 1);
    base.put("memory", "1G");
    Map<String, Object> all = new HashMap<>(more);
    all.put("base", base);
    all.put("list", tried);
    return all;
  }

  private static final Object TRIED =
      List.of(
          Map.of("rank", 4),
          Map.of("rank", 8),
          Map.of("learning_rate", 1e-2),
          Map.of("learning_rate", 1e9, "name", "wild"),
          Map.of("quantize", "nf4"));

  private static final Map<String, Object> HALVING =
      Map.of("halving", Map.of("keep", 0.5, "at", List.of(4)));

  private record Heard(List<String> lines, Set<String> stepped) implements Sweep.Watcher {
    Heard() {
      this(new ArrayList<>(), new TreeSet<>());
    }

    @Override
    public void line(String line) {
      lines.add(line);
    }

    @Override
    public void warning(String line) {
      lines.add(line);
    }

    @Override
    public void event(String setting, TrainEvent event) {
      if (event instanceof TrainEvent.Step) {
        stepped.add(setting);
      }
    }

    @Override
    public void ended(String setting, String why) {
      lines.add(setting + ": " + why);
    }
  }

  private Sweep.Result alone(Map<String, Object> document, String out, Heard heard) {
    SweepSettings settings = SweepSettings.of(Path.of("sweep.yaml"), temp.resolve(out));
    Machine machine = Machine.here(ExecutorModel.cache());
    return Sweep.run(settings, document, machine, run -> run, heard, () -> false);
  }

  @Test
  void aSweepThatIsStoppedGoesOnToTheSameBytes() throws IOException {
    Map<String, Object> document =
        document(List.of(Map.of("rank", 4), Map.of("rank", 8)), Map.of());
    alone(document, "alone", new Heard());
    SweepSettings settings = SweepSettings.of(Path.of("sweep.yaml"), temp.resolve("spread"));
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch asked = new CountDownLatch(1);
    Faults.watch((_, path) -> holdBefore("/rank=8/checkpoints", path, begun, asked));
    Sweep.Result stopped;
    try {
      stopped =
          NudgeSpark.sweep(
              session,
              settings,
              document,
              run -> run,
              0,
              new Heard(),
              () -> {
                if (begun.getCount() == 0) {
                  asked.countDown();
                }
                return begun.getCount() == 0;
              });
    } finally {
      Faults.failure(0, () -> {}); // ends the watch
    }
    assertThat(stopped.stopped()).isTrue();
    Map<String, Object> more = Map.of("file", "sweep.yaml", "out", settings.out(), "resume", true);
    Sweep.Result whole =
        NudgeSpark.sweep(
            session, SweepSettings.of(more), document, run -> run, 0, new Heard(), () -> false);
    assertThat(whole.stopped()).isFalse();
    assertSame("alone", "spread");
  }

  /// Lets a run go on behind a change of its folder only once it was told to end.
  private static void holdBefore(
      String place, Path path, CountDownLatch begun, CountDownLatch asked) {
    if (path.toString().contains(place)) {
      begun.countDown();
      try {
        asked.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private Sweep.Result spread(Map<String, Object> document, String out, Heard heard) {
    SweepSettings settings = SweepSettings.of(Path.of("sweep.yaml"), temp.resolve(out));
    return NudgeSpark.sweep(session, settings, document, run -> run, 0, heard, () -> false);
  }

  private void assertSame(String one, String other) throws IOException {
    for (String file : List.of("leaderboard.json", "leaderboard.md", "sweep.json")) {
      assertThat(temp.resolve(other).resolve(file))
          .hasSameBinaryContentAs(temp.resolve(one).resolve(file));
    }
    List<Path> files = weights(temp.resolve(one));
    assertThat(weights(temp.resolve(other))).isEqualTo(files);
    for (Path file : files) {
      assertThat(temp.resolve(other).resolve(file))
          .hasSameBinaryContentAs(temp.resolve(one).resolve(file));
    }
  }

  @Test
  void survivorsAreChosenOverAllTasksAndLeaveTheBytesOfOneMachine() throws IOException {
    Map<String, Object> document = document(TRIED, HALVING);
    Heard one = new Heard();
    Sweep.Result alone = alone(document, "alone", one);
    Heard many = new Heard();
    int before = ENDED.get();
    Sweep.Result spread = spread(document, "spread", many);
    assertSame("alone", "spread");
    assertThat(spread.values()).isEqualTo(alone.values());
    assertThat(one.lines()).anyMatch(line -> line.contains("5 settings in 2 groups"));
    assertThat(many.lines())
        .contains("spread     over 2 tasks")
        .anyMatch(line -> line.startsWith("wild: "))
        .anyMatch(line -> line.contains("halving at step 4"));
    assertThat(many.stepped()).contains("rank=4", "rank=8", "quantize=nf4");
    assertThat(ENDED.get() - before).isGreaterThanOrEqualTo(3); // two at the rung, then the rest
    String best = requireNonNull(requireNonNull(spread.leaderboard()).best()).name();
    JsonNode note = Json.read(temp.resolve("spread").resolve(best).resolve("run.json"));
    assertThat(note.at("/sweep/group").asInt(0)).isPositive();
    assertThat(note.at("/sweep/why").isNull()).isTrue();
  }

  @Test
  void aTaskThatFailedIsRepeatedFromItsCheckpoints() throws IOException {
    Map<String, Object> document =
        document(List.of(Map.of("rank", 4), Map.of("rank", 8)), Map.of());
    alone(document, "alone", new Heard());
    int before = FAILED.get();
    Throwable failure =
        Faults.failure(
            (change, path) ->
                change.equals("create") && path.toString().contains("/rank=8/checkpoints"),
            () -> spread(document, "spread", new Heard()));
    assertThat(failure).isNull();
    assertThat(FAILED.get() - before).isEqualTo(1);
    assertSame("alone", "spread");
  }

  @Test
  void aTaskThatFailsTooOftenEndsTheSweepWhichGoesOn() throws IOException {
    Path file = temp.resolve("sweep.yaml");
    Files.writeString(
        file, Json.line(document(List.of(Map.of("rank", 4), Map.of("rank", 8)), Map.of())));
    Path out = temp.resolve("out");
    String[] command = {"sweep", file.toString(), "--out", out.toString(), "--tasks", "9"};
    int before = FAILED.get();
    Ran[] ran = new Ran[1];
    Faults.watch(LocalSweepTest::refuse);
    try {
      ran[0] = SparkTests.run(command);
    } finally {
      Faults.failure(0, () -> {}); // ends the watch
    }
    assertThat(ran[0].code()).as(ran[0].err()).isEqualTo(1);
    assertThat(ran[0].err().lines().toList().getLast())
        .startsWith("nudge: a task failed: ")
        .contains("refused by the test")
        .endsWith("; --resume goes on with the sweep");
    assertThat(FAILED.get() - before).isEqualTo(3);
    List<String> more = new ArrayList<>(List.of(command));
    more.add("--resume");
    Ran whole = SparkTests.run(more.toArray(String[]::new));
    assertThat(whole.code()).as(whole.err()).isZero();
    assertThat(whole.out()).contains("rank=4").contains("rank=8");
  }

  private static void refuse(String change, Path path) {
    if (path.toString().contains("/rank=8/checkpoints")) {
      throw new UncheckedIOException(new IOException("refused by the test"));
    }
  }

  @Test
  void whatIsWrongIsOneLineBeforeAnyTask() throws IOException {
    Path file = temp.resolve("sweep.yaml");
    Files.writeString(file, Json.line(document(List.of(Map.of("rank", 4)), Map.of())));
    Path out = temp.resolve("out");
    String[] command = {"sweep", file.toString(), "--out", out.toString(), "--tasks", "two"};
    assertThat(SparkTests.run(command))
        .isEqualTo(new Ran(2, "", "nudge: --tasks is 'two'; it must be a whole number\n"));
    command[5] = "-1";
    assertThat(SparkTests.run(command))
        .isEqualTo(new Ran(2, "", "nudge: --tasks is -1; it must be at least 1\n"));
    command[5] = "2";
    Files.writeString(file, Json.line(document(List.of(Map.of("rank", 0)), Map.of())));
    Ran wrong = SparkTests.run(command);
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.err()).startsWith("nudge: setting rank=0: ").doesNotContain("Exception");
    assertThat(out).doesNotExist();
  }

  @Test
  void whatASweepCannotBeSpreadOverIsOneLine() {
    SparkConf conf = new SparkConf(false);
    SparkSweep.refuse(conf, 0);
    conf.set("spark.dynamicAllocation.enabled", "true");
    SparkSweep.refuse(conf, 2);
    assertThatThrownBy(() -> SparkSweep.refuse(conf, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("spark.dynamicAllocation.enabled is true")
        .hasMessageEndingWith("give --tasks");
    conf.set("spark.speculation", "true");
    assertThatThrownBy(() -> SparkSweep.refuse(conf, 2))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("spark.speculation is true");
    assertThat(Slots.refusal("--tasks", 1, 0, 2, "8"))
        .isEqualTo(
            "--tasks 1: the cluster runs 0 tasks at once (2 cores, spark.task.cpus 8); give it more"
                + " executors or cores");
    assertThat(Slots.refusal("--ranks", 4, 2, 2, "1")).endsWith(", or give at most --ranks 2");
  }

  @Test
  void aTaskThatIsTriedAgainHasItsShareBesideALivingOne() {
    assertThat(SweepTask.share(9, 7, 2)).isEqualTo(7);
    assertThat(SweepTask.share(6, 7, 2)).isEqualTo(6); // not 3
    assertThat(SweepTask.share(20, 7, 2)).isEqualTo(10);
  }

  @Test
  void aShareThatLacksMemoryIsTriedAgainOnlyWhereThatMayComeBack() throws IOException {
    Machine here = Machine.here(ExecutorModel.cache());
    Machine small = new Machine(1, 1 << 20, here.cache(), "test");
    SweepTask task = new SweepTask(1, 1);
    List<TrainSettings> runs = List.of(run(Map.of()));
    assertThatThrownBy(() -> task.train(runs, small, 2 << 20, () -> false))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith("setting a: the run needs ");
    String line = task.train(runs, small, 1 << 20, () -> false);
    assertThat(Json.parse(line).path("wrong").asString("")).startsWith("setting a: the run needs ");
    List<TrainSettings> wrong = List.of(run(Map.of("prompt", "{none}", "completion", "{none}")));
    assertThat(Json.parse(task.train(wrong, small, 2 << 20, () -> false)).path("wrong").isString())
        .isTrue();
  }

  @SuppressWarnings("unchecked")
  private TrainSettings run(Map<String, Object> more) throws IOException {
    Map<String, Object> values =
        new HashMap<>((Map<String, Object>) document(List.of(), Map.of()).get("base"));
    values.remove("memory");
    values.put("out", temp.resolve("a").toString());
    values.putAll(more);
    return TrainSettings.of(values);
  }
}
