package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Clock;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.machine.Backend;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.settings.verb.Compute;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Checks that a run does not slow down.
///
///     bench/steady [--steps 2000] [--every 2] [--fresh 2]
///
/// It makes steps of a QLoRA run and, between them, matrix products: it divides a step's time by
/// that of nearby products, so a slow machine does not look like a slow run. The medians of windows
/// of 100 steps are compared with the median of all, from step 20.
///
/// Other processes that use memory and caches slow a step more than 2048³ products, which fit in
/// the caches. So the products are a step's: a second model of this shape makes the same step with
/// kernels that do nothing; its products have the same shapes and use as much memory. The table
/// also shows 2048³ products. With `--fresh 2` a fresh process makes the whole step after every
/// second step, a new process for every window, so a slowdown of the long run's products shows as
/// well.
final class Steady {
  private static final int WINDOW = 100;
  private static final int FIRST = 20;

  private final List<Double> seconds = new ArrayList<>();
  private final List<Beside> probes = new ArrayList<>();

  public static void main(String[] args) {
    BenchFlags flags = flags(args);
    int count = flags.atLeast(FIRST + WINDOW / 2, "steps");
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    Memory.say("%s", Machines.line());
    Memory.say(
        "shape %s, quantize %s, %s, %d lanes, %d × %d tokens a step, products every %d steps",
        flags.text("shape"),
        flags.text("quantize"),
        backend.name(),
        lanes(flags),
        flags.whole("sequences"),
        flags.whole("length"),
        flags.whole("every"));
    try (GemmRate rate = GemmRate.of(backend, threads(flags), clock(flags));
        CausalLm model = model(flags, backend);
        TrainingSteps steps = steps(flags, model);
        CausalLm bare = products(flags, backend);
        TrainingSteps products = steps(flags, bare);
        Fresh.Renewed fresh = new Fresh.Renewed(List.of(args), FIRST, WINDOW)) {
      Steady steady = new Steady();
      int every = flags.whole("every", count);
      steady.probes.add(new Beside("a step's products", every, step -> products.step()));
      steady.probes.add(new Beside("products of 2048³", every, step -> rate.probe()));
      if (flags.whole("fresh") > 0) {
        steady.probes.add(new Beside("a fresh process", flags.whole("fresh"), fresh::step));
      }
      steady.run(count, steps);
      steady.report();
    }
  }

  static BenchFlags flags(String[] args) {
    return BenchFlags.parse(
        "bench/steady",
        args,
        "--steps 2000 --shape "
            + BenchModels.ROOFLINE
            + " --quantize nf4|none --compute auto|bf16|fp32 --length 256 --sequences 2"
            + " --every 2 --fresh 0 --threads 0 --lanes 0 --clock wall|cpu");
  }

  static CausalLm model(BenchFlags flags, Backend backend) {
    return Checkpoint.random(
        BenchModels.named(flags.text("shape")), backend, BenchModels.quantization(flags), 1);
  }

  /// Creates a model whose step runs only its products; without kernels, unquantised.
  private static CausalLm products(BenchFlags flags, Backend backend) {
    return Checkpoint.random(
        BenchModels.named(flags.text("shape")), backend.dry(), Quantization.NONE, 1);
  }

  static TrainingSteps steps(BenchFlags flags, CausalLm model) {
    return new TrainingSteps(
        model,
        threads(flags),
        lanes(flags),
        flags.whole("length"),
        flags.whole("sequences"),
        clock(flags));
  }

  private static int threads(BenchFlags flags) {
    return flags.whole("threads", Runtime.getRuntime().availableProcessors());
  }

  private static int lanes(BenchFlags flags) {
    return flags.whole("lanes", threads(flags));
  }

  private static Clock clock(BenchFlags flags) {
    return flags.choice("clock", Clock.class);
  }

  private void run(int count, TrainingSteps steps) {
    probes.forEach(Beside::begin);
    for (int step = 1; step <= count; step++) {
      seconds.add(steps.step());
      for (Beside probe : probes) {
        probe.measure(seconds, step == count);
      }
      if (step % WINDOW == 0) {
        Memory.say(
            "step %d: median of the window %.4f s, RssAnon %.0f MiB",
            step,
            TrainingSteps.median(seconds.subList(step - WINDOW, step)),
            ProcessMemory.rssAnonMb());
      }
    }
  }

  private void report() {
    double[] medians = Beside.windows(seconds, FIRST, WINDOW);
    List<double[]> columns = probes.stream().map(p -> p.windows(FIRST, WINDOW)).toList();
    Memory.say("");
    Memory.say("| steps | median step, s |%s", row(p -> " beside " + p.name() + " |"));
    Memory.say("|---|---|%s", row(p -> "---|"));
    for (int w = 0; w < medians.length; w++) {
      int from = FIRST + w * WINDOW;
      int to = Math.min(seconds.size(), from + WINDOW);
      StringBuilder line = new StringBuilder();
      for (double[] column : columns) {
        line.append(' ').append(Beside.ofMedian(column, w)).append(" |");
      }
      Memory.say("| %d–%d | %.4f |%s", from + 1, to, medians[w], line);
    }
    Memory.say("");
    for (int i = 0; i < columns.size(); i++) {
      Memory.say(
          "beside %s: worst window %.2f %% from the median (at most 3 %%); a step takes %.3f of it",
          probes.get(i).name(),
          100 * Beside.worst(columns.get(i)),
          TrainingSteps.median(columns.get(i)));
    }
  }

  private String row(Function<Beside, String> cell) {
    return probes.stream().map(cell).collect(Collectors.joining());
  }
}
