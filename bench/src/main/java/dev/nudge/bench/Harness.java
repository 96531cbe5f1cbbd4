package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;

/// Evaluates with lm-evaluation-harness and with `./nudge eval` on the same task files and
/// documents, by turns.
///
///     bench/harness --env VENV
///
/// First it times the peer with each dtype and batch size on a quarter of the documents, one
/// process a dtype; then, for each task, rounds of the peer's fastest setting and nudge in turns;
/// last both in fp32, whose metrics must be equal. The peer's seconds are those of
/// `simple_evaluate` on a loaded model without resampling; nudge's include model loading and
/// resampling. The table also shows whole processes.
final class Harness {
  private static final String FP32 = "float32";
  private static final double SAME = 1e-5;
  private static final List<String> PACKAGES = List.of("lm_eval", "transformers", "torch");

  /// A setting of the peer.
  private record Setting(String dtype, String batch) {
    @Override
    public String toString() {
      return dtype + ", batch " + batch;
    }
  }

  /// A round of a task: both sides, and the seconds of whole processes.
  private record Round(
      HarnessSide ours, HarnessSide theirs, double ourProcess, double theirProcess) {}

  /// One task for the peer; a peer process runs several, in order.
  ///
  /// @param limit documents; 0: all
  private record Ask(HarnessTask task, String batch, int limit) {
    @Override
    public String toString() {
      return task.id() + ":" + batch + ":" + limit;
    }
  }

  private record Asked(List<HarnessSide> sides, double process, double loaded) {}

  private final Path python;
  private final Path model;
  private final Path tasks;
  private final Path scratch;
  private final int limit;

  private Harness(Path python, Path model, Path tasks, Path scratch, int limit) {
    this.python = python;
    this.model = model;
    this.tasks = tasks;
    this.scratch = scratch;
    this.limit = limit;
  }

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/harness",
            args,
            "--env … --tasks answers,conclusions,shots,prose --dtypes float32,bfloat16"
                + " --batches 1,8,32 --rounds 2 --limit 0 --model … --data …");
    flags.check(
        flags.given("env"),
        "--env is missing: the folder of a Python environment with lm_eval 0.4.13");
    Path python = flags.path("env").toAbsolutePath().resolve("bin").resolve("python");
    flags.check(
        Files.isExecutable(python), "--env " + flags.text("env") + ": it has no bin/python");
    for (String task : flags.list("tasks")) {
      flags.check(
          HarnessTask.ids().contains(task),
          "--tasks %s: there is no such task; there are %s".formatted(task, HarnessTask.ids()));
    }
    Path shared = PeerEnvironment.beside(Machines.home()).toAbsolutePath().normalize();
    Path data = flags.path("data", shared.resolveSibling("data"));
    List<HarnessTask> tasks =
        flags.list("tasks").stream()
            .map(t -> HarnessTask.valueOf(t.toUpperCase(Locale.ROOT)))
            .toList();
    int rounds = flags.atLeast(1, "rounds");
    Path peer = Machines.home().resolve("bench").resolve("peer");
    Path scratch = Files.createTempDirectory("nudge-harness");
    boolean same;
    try {
      tasks.forEach(task -> task.write(data, scratch));
      Harness harness =
          new Harness(
              python,
              flags.path("model", PeerEnvironment.model(shared)),
              peer.resolve("tasks").toAbsolutePath(),
              scratch,
              flags.whole("limit"));
      Memory.say("%s", Machines.line());
      Memory.say("peer: %s", PeerEnvironment.ask(python, PACKAGES).orThrow().lastLine());
      same = harness.run(tasks, flags.list("dtypes"), flags.list("batches"), rounds);
    } finally {
      OutFolder.delete(scratch);
    }
    if (!same) {
      System.exit(1); // here: System.exit would skip the finally block
    }
  }

  /// Returns whether fp32 metrics are equal.
  private boolean run(
      List<HarnessTask> tasks, List<String> dtypes, List<String> batches, int rounds)
      throws IOException {
    Map<HarnessTask, Setting> best = scan(tasks, dtypes, batches);
    Map<HarnessTask, List<Round>> all = new EnumMap<>(HarnessTask.class);
    for (int round = 0; round < rounds; round++) {
      for (HarnessTask task : tasks) {
        Setting setting = Objects.requireNonNull(best.get(task));
        Asked theirs = peer(setting.dtype(), List.of(new Ask(task, setting.batch(), limit)));
        HarnessSide their = theirs.sides().getFirst();
        Asked ours = ours(task, "auto", their.requests());
        HarnessSide our = ours.sides().getFirst();
        all.computeIfAbsent(task, t -> new ArrayList<>())
            .add(new Round(our, their, ours.process(), theirs.process()));
        Memory.say(
            "round %d, %-12s nudge %.2f s (process %.2f), peer %.2f s (loading before it %.2f,"
                + " process %.2f)",
            round + 1,
            task.id(),
            our.seconds(),
            ours.process(),
            their.seconds(),
            theirs.loaded(),
            theirs.process());
      }
    }
    table(best, all);
    return same(tasks, best);
  }

  /// Tries the peer's settings on a quarter of the documents; returns the fastest of each task.
  private Map<HarnessTask, Setting> scan(
      List<HarnessTask> tasks, List<String> dtypes, List<String> batches) {
    Map<HarnessTask, Setting> best = new EnumMap<>(HarnessTask.class);
    Map<HarnessTask, Double> least = new EnumMap<>(HarnessTask.class);
    for (String dtype : dtypes) {
      List<Ask> asks = new ArrayList<>();
      for (String batch : batches) {
        for (HarnessTask task : tasks) {
          asks.add(new Ask(task, batch, Math.max(1, (limit > 0 ? limit : task.documents) / 4)));
        }
      }
      List<HarnessSide> sides = peer(dtype, asks).sides();
      for (int i = 0; i < asks.size(); i++) {
        HarnessTask task = asks.get(i).task();
        Setting setting = new Setting(dtype, asks.get(i).batch());
        double seconds = sides.get(i).seconds();
        Memory.say("peer once, a quarter: %-20s %-12s %.2f s", setting, task.id(), seconds);
        if (seconds < least.getOrDefault(task, Double.POSITIVE_INFINITY)) {
          least.put(task, seconds);
          best.put(task, setting);
        }
      }
    }
    return best;
  }

  private Asked peer(String dtype, List<Ask> asks) {
    List<String> command = new ArrayList<>();
    command.add(python.toString());
    command.add(tasks.resolveSibling("harness.py").toString());
    command.addAll(List.of(model.toString(), tasks.toString(), dtype));
    command.add(Integer.toString(Runtime.getRuntime().availableProcessors()));
    asks.forEach(ask -> command.add(ask.toString()));
    Child.Ran ran = Child.run(command, scratch, 0).orThrow();
    List<HarnessSide> sides = new ArrayList<>();
    double loaded = Double.NaN;
    for (String line : ran.output().lines().toList()) {
      if (line.startsWith("RESULT ")) {
        sides.add(HarnessSide.of(Json.parse(line.substring("RESULT ".length()))));
      } else if (line.startsWith("LOADED ")) {
        loaded = Double.parseDouble(line.substring("LOADED ".length()));
      }
    }
    if (sides.size() != asks.size()) {
      throw new IllegalStateException("the peer gave no result:\n" + ran.output());
    }
    return new Asked(sides, ran.seconds(), loaded);
  }

  /// @param requests requests of the peer
  private Asked ours(HarnessTask task, String compute, int requests) throws IOException {
    Path out = scratch.resolve("ours");
    OutFolder.delete(out); // no cached answer
    List<String> flags =
        new ArrayList<>(List.of("--model", model.toString(), "--tasks-dir", tasks.toString()));
    flags.addAll(List.of("--tasks", task.id(), "--data-dir", scratch.toString()));
    flags.addAll(List.of("--compute", compute, "--out", out.toString(), "-q"));
    if (limit > 0) {
      flags.addAll(List.of("--limit", Integer.toString(limit)));
    }
    Child.Ran ran = Child.run(NudgeCommand.command("eval", flags), scratch, 0).orThrow();
    JsonNode results = Json.read(out.resolve("results.json"));
    HarnessSide side = HarnessSide.of(results, task.id(), requests);
    return new Asked(List.of(side), ran.seconds(), 0);
  }

  private static void table(Map<HarnessTask, Setting> best, Map<HarnessTask, List<Round>> all) {
    Memory.say("");
    Memory.say(
        "| task | requests | nudge, s | peer, s (setting) | ratio (wanted) | whole processes, s |"
            + " ratio |");
    Memory.say("|---|---|---|---|---|---|---|");
    all.forEach(
        (task, rounds) -> {
          double our = TrainingSteps.median(rounds.stream().map(r -> r.ours().seconds()).toList());
          double their =
              TrainingSteps.median(rounds.stream().map(r -> r.theirs().seconds()).toList());
          double ourWhole = TrainingSteps.median(rounds.stream().map(Round::ourProcess).toList());
          double theirWhole =
              TrainingSteps.median(rounds.stream().map(Round::theirProcess).toList());
          Memory.say(
              "| `%s` | %d | %.2f | %.2f (%s) | %.2f (%s) | %.2f, %.2f | %.2f |",
              task.id(),
              rounds.getFirst().theirs().requests(),
              our,
              their,
              Objects.requireNonNull(best.get(task)),
              their / our,
              task.wanted() == 1 ? "–" : String.format(Locale.ROOT, "%.1f", task.wanted()),
              ourWhole,
              theirWhole,
              theirWhole / ourWhole);
        });
  }

  /// Runs both in fp32 on all documents; compares the metrics.
  private boolean same(List<HarnessTask> tasks, Map<HarnessTask, Setting> best) throws IOException {
    Memory.say("");
    Memory.say("| task, both in fp32 | nudge, s | peer, s | numbers | apart by at most |");
    Memory.say("|---|---|---|---|---|");
    List<Ask> asks =
        tasks.stream()
            .map(t -> new Ask(t, Objects.requireNonNull(best.get(t)).batch(), limit))
            .toList();
    List<HarnessSide> theirs = peer(FP32, asks).sides();
    List<String> other = new ArrayList<>();
    for (int i = 0; i < asks.size(); i++) {
      HarnessTask task = asks.get(i).task();
      HarnessSide their = theirs.get(i);
      HarnessSide our = ours(task, "fp32", their.requests()).sides().getFirst();
      double apart = our.apart(their);
      Memory.say(
          "| `%s` | %.2f | %.2f | %s | %.1e |",
          task.id(), our.seconds(), their.seconds(), shown(our.numbers()), apart);
      if (!(apart <= SAME)) {
        other.add(task.id() + ": peer " + shown(their.numbers()));
      }
    }
    if (!other.isEmpty()) {
      Memory.say("NOT THE SAME NUMBERS: %s", String.join("; ", other));
    }
    return other.isEmpty();
  }

  private static String shown(Map<String, Double> numbers) {
    Map<String, String> texts = new LinkedHashMap<>();
    numbers.forEach((k, v) -> texts.put(k, String.format(Locale.ROOT, "%.6f", v)));
    return texts.toString().replaceAll("[{}]", "").replace("=", " ");
  }
}
