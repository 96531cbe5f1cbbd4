package dev.nudge.bench;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.MemoryGroup;
import dev.nudge.data.tokens.Example;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.WeightBytes;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.Warmup;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.train.Trainer;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.zip.CRC32;

/// Shows that a run with a memory-mapped optimiser state ends in a memory cgroup in which the same
/// run with the state in memory is killed.
///
/// It makes whole LoRA steps on every linear layer of a model of random weights, at a rank that
/// makes the state large. Four child processes run: state in memory and paged without a limit, then
/// both in a cgroup that has room for `--share` of the state. Their adapters must be
/// byte-identical.
public final class Paged {
  private static final int LENGTH = 128;
  private static final double RATE = 1e-3;

  private Paged() {}

  public static void main(String[] args) {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/paged",
            args,
            "--shape 135m|tiny|llama-3.2-1b|7b --rank 128 --optimizer adamw|adamw-8bit"
                + " --steps 3 --share 0.4 --folder "
                + System.getProperty("java.io.tmpdir")
                + " --state both|memory|paged");
    if (flags.text("state").equals("both")) {
      parent(flags, List.of(args));
    } else {
      child(flags, flags.text("state").equals("paged"));
    }
  }

  private static void parent(BenchFlags flags, List<String> args) {
    System.out.println(Machines.line());
    Child.Ran held = show("in memory", "none", run(args, "memory", 0));
    Child.Ran paged = show("paged", "none", run(args, "paged", 0));
    long state = Long.parseLong(field(held, "state"));
    // the paged run's anonymous memory, which is not evictable, and a share of the state
    long limit = paged.peakAnon() + (long) (flags.real("share") * state);
    try {
      MemoryGroup.of(limit).close();
    } catch (IllegalStateException e) {
      System.out.println("the limited runs are left out: " + e.getMessage());
      return;
    }
    Child.Ran killed = show("in memory", Child.gib(limit), run(args, "memory", limit));
    Child.Ran finished = show("paged", Child.gib(limit), run(args, "paged", limit));
    System.out.printf(
        Locale.ROOT,
        "state %s; killed in memory: %s; paged ends: %s; same bytes: %s%n",
        Child.gib(state),
        killed.killed(),
        finished.exit() == 0,
        finished.exit() == 0
            && field(finished, "adapter").equals(field(held, "adapter"))
            && field(paged, "adapter").equals(field(held, "adapter")));
  }

  private static Child.Ran run(List<String> args, String state, long limit) {
    List<String> all = new ArrayList<>(args);
    all.addAll(List.of("--state", state));
    List<String> options =
        List.of(
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-Xmx256m");
    return Child.run(
        Child.java(options, Paged.class, all), new File("").getAbsoluteFile().toPath(), limit);
  }

  private static Child.Ran show(String state, String limit, Child.Ran ran) {
    System.out.printf(
        Locale.ROOT,
        "%-10s limit %-9s %-7s %6.1f s, RssAnon %s, RssFile %s  %s%n",
        state,
        limit,
        ran.exit() == 0 ? "ends" : ran.killed() ? "killed" : "fails",
        ran.seconds(),
        Child.gib(ran.peakAnon()),
        Child.gib(ran.peakFile()),
        ran.exit() == 0 ? "steps " + field(ran, "steps") + " s" : ran.killed() ? "" : ran.output());
    return ran;
  }

  private static String field(Child.Ran ran, String name) {
    for (String part : ran.lastLine().split(" ")) {
      if (part.startsWith(name + "=")) {
        return part.substring(name.length() + 1);
      }
    }
    return "";
  }

  private static void child(BenchFlags flags, boolean paged) {
    OptimizerSettings settings =
        new OptimizerSettings(
            new Rate(RATE),
            Schedule.CONSTANT,
            new Warmup(0),
            false,
            0,
            1,
            flags.choice("optimizer", Optimizer.class),
            0.9,
            0.999,
            1e-8,
            null);
    int lanes = Runtime.getRuntime().availableProcessors();
    Backend backend = Backend.resolve(Compute.AUTO, Machines.cache());
    try (CausalLm model =
            Checkpoint.random(
                BenchModels.named(flags.text("shape")), backend, Quantization.NONE, 1);
        Scope scope = Scope.open("bench adapter")) {
      model.reserve(LENGTH);
      Adapters adapters =
          Adapters.attach(
              model.modules(),
              Lora.of(flags.whole("rank"), 32, Targets.parse(Targets.ALL_LINEAR)),
              1,
              backend.compute(),
              lanes,
              scope);
      long state = Trainer.optimizerBytes(adapters.parameters(), settings);
      Plan plan = plan(model, lanes, adapters.count(0).trained(), state);
      try (Trainer trainer =
          new Trainer(
              model,
              adapters.parameters(),
              examples(lanes, model.config().vocabSize()),
              paged ? plan.withPagedOptimizer() : plan,
              settings,
              1,
              flags.path("folder"))) {
        StringBuilder seconds = new StringBuilder();
        for (int i = 0; i < flags.whole("steps"); i++) {
          long start = System.nanoTime();
          trainer.step(i, IntStream.range(0, lanes).toArray(), RATE);
          seconds.append(
              String.format(
                  Locale.ROOT, "%s%.2f", i == 0 ? "" : ",", (System.nanoTime() - start) / 1e9));
        }
        System.out.printf(
            "state=%d steps=%s adapter=%08x%n", state, seconds, digest(adapters.parameters()));
      }
    }
  }

  private static Plan plan(CausalLm model, int lanes, long trained, long state) {
    return Planner.plan(
        model,
        new Planner.Request(
            lanes,
            lanes,
            lanes,
            LENGTH,
            (long) LENGTH * lanes,
            false,
            Long.MAX_VALUE / 4,
            new WeightBytes(0, 0, 0, 0),
            trained,
            state,
            model.packed().kept(),
            0));
  }

  private static List<Example> examples(int rows, int vocabulary) {
    SplittableRandom random = new SplittableRandom(1);
    return IntStream.range(0, rows)
        .mapToObj(i -> Example.of(random.ints(LENGTH, 0, vocabulary).toArray()))
        .toList();
  }

  private static long digest(List<Parameter> parameters) {
    CRC32 crc = new CRC32();
    parameters.forEach(p -> crc.update(p.master().data().asByteBuffer()));
    return crc.getValue();
  }
}
