package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Clock;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.Profile;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.machine.Backend;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Compares whole optimiser steps with the machine's rate of matrix products.
///
///     bench/roofline [flags]
///
/// The product rate is measured before, between and after the lengths; a length is compared with
/// the better of the two rates around it, because other load only slows products. Steps are those
/// of a training run (forward, backward, reduction, AdamW), every token labelled, with LoRA on
/// every linear layer or with all weights of the model; [LeastFlops] counts the steps' operations.
/// Rates come from steps without clocks; the breakdown comes from further steps with a [Profile].
public final class Roofline {
  private static final int TOKENS = 4096;

  private final Options options;
  private final Backend backend;

  private Roofline(Options options, Backend backend) {
    this.options = options;
    this.backend = backend;
  }

  public static void main(String[] args) {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/roofline",
            args,
            "--shape "
                + BenchModels.ROOFLINE
                + " --quantize none|nf4 --method lora|full --compute auto|bf16|fp32"
                + " --lengths 256,1024,4096 --sequences 0 --steps 5 --warm 2 --threads 0"
                + " --lanes 0 --profile 2 --caches all|head|none --clock wall|cpu");
    Options options = Options.of(flags);
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    say("%s", Machines.line());
    say(
        "shape %s, method %s, quantize %s, %s, %d threads, %d lanes, caches %s, clock %s",
        flags.text("shape"),
        flags.text("method"),
        flags.text("quantize"),
        backend.name(),
        options.threads(),
        options.lanes(),
        flags.text("caches"),
        flags.text("clock"));
    backend.notes().forEach(note -> say("%s", note));
    new Roofline(options, backend).run();
  }

  /// The settings.
  ///
  /// @param full whether the model's own weights train
  /// @param sequences in a step; 0: 4,096 tokens' worth, at least two
  /// @param lanes concurrent sequences, which share the threads
  /// @param caches weights cached packed, as in a run with free memory
  /// @param profile profiled steps, for the table of parts; 0: no table
  private record Options(
      ModelConfig shape,
      Quantization quantization,
      boolean full,
      int[] lengths,
      int sequences,
      int steps,
      int warm,
      int threads,
      int lanes,
      int profile,
      Caches caches,
      Clock clock) {
    static Options of(BenchFlags f) {
      int threads = f.whole("threads", Runtime.getRuntime().availableProcessors());
      return new Options(
          BenchModels.named(f.text("shape")),
          BenchModels.quantization(f),
          f.choice("method", Method.class) == Method.FULL,
          f.wholes("lengths"),
          f.whole("sequences"),
          f.whole("steps"),
          f.whole("warm"),
          threads,
          f.whole("lanes", threads),
          f.whole("profile"),
          f.choice("caches", Caches.class),
          f.choice("clock", Clock.class));
    }
  }

  /// One length's results.
  private record Row(int length, double seconds, double flops, int tokens, double before) {}

  private void run() {
    LeastFlops work =
        options.full()
            ? LeastFlops.full(options.shape())
            : LeastFlops.of(options.shape(), TrainingSteps.RANK);
    try (GemmRate products = GemmRate.of(backend, options.threads(), options.clock())) {
      List<Row> rows = new ArrayList<>();
      List<Double> rates = new ArrayList<>();
      try (Scope scope = Scope.open("bench parameters");
          CausalLm model = model(backend, scope)) {
        model.packed().keep(options.caches(), Set.of());
        for (int length : options.lengths()) {
          rates.add(rate(products));
          try (TrainingSteps steps = steps(model, length)) {
            steps.steps(options.warm());
            double[] seconds = steps.steps(options.steps());
            double flops = work.flops(steps.lengths(), steps.labelled());
            rows.add(
                new Row(
                    length, TrainingSteps.median(seconds), flops, steps.tokens(), rates.getLast()));
            say("T = %d: seconds %s", length, seconds(seconds));
          }
        }
      }
      rates.add(rate(products));
      table(rows, rates);
      if (options.profile() > 0) {
        double best = rates.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        profile(best);
      }
    }
  }

  private CausalLm model(Backend computing, Scope scope) {
    return options.full()
        ? Checkpoint.random(
            options.shape(), computing, Quantization.NONE, Trainable.all(options.lanes(), scope), 1)
        : Checkpoint.random(options.shape(), computing, options.quantization(), 1);
  }

  private double rate(GemmRate products) {
    double rate = products.measure();
    say("products of 2048³: %.0f GFLOP/s (load %.2f)", rate, load());
    return rate;
  }

  private TrainingSteps steps(CausalLm model, int length) {
    int sequences = options.sequences() > 0 ? options.sequences() : Math.max(2, TOKENS / length);
    return new TrainingSteps(
        model, options.threads(), options.lanes(), length, sequences, options.clock());
  }

  private static void table(List<Row> rows, List<Double> rates) {
    say("");
    say("    T   tokens   s/step   tokens/s   GFLOP/s   %% of products");
    for (int i = 0; i < rows.size(); i++) {
      Row r = rows.get(i);
      double reached = r.flops / r.seconds / 1e9;
      double rate = Math.max(r.before, rates.get(i + 1));
      say(
          "%5d%9d%9.3f%11.0f%10.0f%16.1f",
          r.length, r.tokens, r.seconds, r.tokens / r.seconds, reached, 100 * reached / rate);
    }
  }

  private void profile(double rate) {
    Profile profile = new Profile(options.shape(), TrainingSteps.RANK, options.clock());
    Backend timed = profile.around(backend);
    try (Scope scope = Scope.open("bench parameters");
        CausalLm model = model(timed, scope)) {
      model.packed().keep(options.caches(), Set.of());
      for (int length : options.lengths()) {
        try (TrainingSteps steps = steps(model, length)) {
          steps.steps(options.warm());
          profile.clear();
          double seconds = 0;
          for (double s : steps.steps(options.profile())) {
            seconds += s;
          }
          say("");
          say("T = %d, where a step of %d tokens goes, with clocks", length, steps.tokens());
          Breakdown.lines(profile.sheets(), options.lanes(), options.profile(), seconds, rate)
              .forEach(line -> say("%s", line));
        }
      }
    }
  }

  static String seconds(double[] seconds) {
    StringBuilder text = new StringBuilder();
    for (double s : seconds) {
      text.append(String.format(Locale.ROOT, "%.3f ", s));
    }
    return text.toString().trim();
  }

  static double load() {
    return java.lang.management.ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  static void say(String format, @Nullable Object... values) {
    System.out.printf(Locale.ROOT, format + "%n", values);
  }
}
