package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.RandomFolder;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.format.Json;
import dev.nudge.model.family.ModelConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// Tests that a shape trains in little memory: `./nudge train` on random NF4 weights, rank 16 on
/// every linear layer, one sequence a step, in a memory cgroup of the claimed size.
///
/// The pages of the weights' file are dropped from the cache before each run. The same command then
/// runs without the cgroup; the claim holds if the first run takes at most 1.1 times the second's
/// time. 65B does not fit in memory: its step is compared with four times the step of 20 layers of
/// this shape.
///
/// @param limit bytes of the cgroup
record MemoryClaim(String shape, int length, long limit) {
  private static final double WITHIN = 1.1;
  private static final double STREAMED_WITHIN = 1.15;
  private static final int FEW_LAYERS = 20;
  private static final Map<String, MemoryClaim> ALL = new LinkedHashMap<>();

  static {
    ALL.put("7b-512", gib("7b", 512, 5.5));
    ALL.put("7b-2048", gib("7b", 2048, 8));
    ALL.put("13b-512", gib("13b", 512, 9));
    ALL.put("33b-512", gib("33b", 512, 20));
    ALL.put("65b-512", gib("65b", 512, 24));
    ALL.put("tiny-512", gib("tiny", 512, 1)); // for trying the bench
  }

  private static MemoryClaim gib(String shape, int length, double gib) {
    return new MemoryClaim(shape, length, (long) (gib * (1L << 30)));
  }

  static String names() {
    return "none|" + String.join("|", ALL.keySet());
  }

  static MemoryClaim named(String name) {
    MemoryClaim claim = ALL.get(name);
    if (claim == null) {
      throw new IllegalArgumentException("no claim " + name + "; there are " + names());
    }
    return claim;
  }

  /// One run of `./nudge train`.
  ///
  /// @param steps seconds of each
  /// @param plan the plan in `run.json`, as text
  /// @param adapter bytes of the saved adapter
  private record Run(Child.Ran ran, double[] steps, String plan, byte[] adapter) {
    double seconds() {
      return Arrays.stream(steps).sum();
    }

    long planned() {
      return Json.parse(plan).path("total_bytes").asLong();
    }
  }

  void run(BenchFlags flags, Path dir) {
    ModelConfig config = BenchModels.named(shape);
    boolean streamed = shape.equals("65b");
    Path folder = RandomFolder.of(dir.resolve(shape + "-nf4"), config, true);
    Path rows = RandomFolder.rows(dir.resolve("rows-" + length + ".jsonl"), length, 4);
    int steps = streamed ? 1 : flags.whole("steps");
    long memory = (long) (limit * flags.real("share"));
    Memory.say(
        "%s, %s of NF4 weights, T = %d, %d steps in a cgroup of %s, --memory %s",
        shape,
        Child.gib(RandomFolder.bytes(config, true)),
        length,
        steps,
        Child.gib(limit),
        Child.gib(memory));
    Run inside = train(folder, rows, steps, memory, limit, dir);
    show("in the cgroup", inside);
    if (streamed) {
      compareWithFewLayers(inside, config, rows, dir);
      return;
    }
    Run outside = train(folder, rows, steps, memory, 0, dir);
    show("the same without", outside);
    double ratio = inside.ran.seconds() / outside.ran.seconds();
    Memory.say("plan: %s", inside.plan);
    Memory.say(
        "%s: whole process %.1f s against %.1f s = %.3f, steps %.1f against %.1f s = %.3f, same"
            + " plan: %s, same adapter: %s",
        ratio <= WITHIN ? "holds" : "does not hold",
        inside.ran.seconds(),
        outside.ran.seconds(),
        ratio,
        inside.seconds(),
        outside.seconds(),
        inside.seconds() / outside.seconds(),
        inside.plan.equals(outside.plan),
        Arrays.equals(inside.adapter, outside.adapter));
  }

  private void compareWithFewLayers(Run all, ModelConfig config, Path rows, Path dir) {
    ModelConfig few = BenchModels.layers(config, FEW_LAYERS);
    Path folder = RandomFolder.of(dir.resolve(shape + "-" + FEW_LAYERS + "-layers-nf4"), few, true);
    long weights = RandomFolder.bytes(few, true);
    long small = weights * 7 / 8; // less than the weights: they must stream
    Run streamed = train(folder, rows, 2, (long) (small * 0.95), small, dir);
    show(FEW_LAYERS + " layers, streamed in " + Child.gib(small), streamed);
    // memory for exactly this plan: packed weights would change rounding
    long both = weights + (long) (streamed.planned() * 1.05);
    Run resident = train(folder, rows, 2, both, 0, dir);
    show(FEW_LAYERS + " layers, held in memory, two steps", resident);
    double four =
        (double) config.numHiddenLayers() / FEW_LAYERS * resident.steps[resident.steps.length - 1];
    double ratio = all.steps[0] / four;
    Memory.say("plan: %s", all.plan);
    Memory.say(
        "%s: a step %.1f s, %d / %d times the step of %d layers %.1f s, ratio %.3f (at most %.2f);"
            + " streamed and resident have the same plan: %s, write the same adapter: %s",
        ratio <= STREAMED_WITHIN ? "holds" : "does not hold",
        all.steps[0],
        config.numHiddenLayers(),
        FEW_LAYERS,
        FEW_LAYERS,
        four,
        ratio,
        STREAMED_WITHIN,
        resident.plan.equals(streamed.plan),
        Arrays.equals(resident.adapter, streamed.adapter));
  }

  private static void show(String what, Run run) {
    Memory.say(
        "%s: %.1f s, steps %s s, RssAnon peak %s, RssFile peak %s, charged to the cgroup at most"
            + " %s",
        what,
        run.ran.seconds(),
        Arrays.stream(run.steps)
            .mapToObj(s -> String.format(java.util.Locale.ROOT, "%.1f", s))
            .collect(Collectors.joining(", ")),
        Child.gib(run.ran.peakAnon()),
        Child.gib(run.ran.peakFile()),
        Child.gib(run.ran.peakGroup()));
  }

  private Run train(Path folder, Path rows, int steps, long memory, long cgroup, Path dir) {
    dropFromCache(folder.resolve("model.safetensors"));
    Path out = dir.resolve("run");
    List<String> command =
        NudgeCommand.train(
            folder,
            rows,
            out,
            List.of(
                "--quantize",
                "nf4",
                "--rank",
                Integer.toString(TrainingSteps.RANK),
                "--batch-size",
                "1",
                "--steps",
                Integer.toString(steps),
                "--no-shuffle",
                "--max-length",
                Integer.toString(length),
                "--memory",
                memory / (1 << 20) + "MiB"));
    Child.Ran ran = Child.run(command, dir, cgroup);
    if (ran.exit() != 0) {
      throw new IllegalStateException(
          (ran.killed() ? "killed in a cgroup of " + Child.gib(cgroup) : "failed")
              + ", RssAnon peak "
              + Child.gib(ran.peakAnon())
              + ":\n"
              + ran.output());
    }
    try {
      double[] seconds =
          NudgeCommand.steps(out).stream()
              .mapToDouble(step -> step.path("seconds").asDouble())
              .toArray();
      return new Run(
          ran,
          seconds,
          NudgeCommand.record(out).path("plan").toString(),
          Files.readAllBytes(out.resolve("adapter_model.safetensors")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Evicts a file's pages from the cache.
  static void dropFromCache(Path file) {
    Child.run(
            List.of("dd", "if=" + file, "iflag=nocache", "count=0", "status=none"), Path.of("."), 0)
        .orThrow();
  }
}
