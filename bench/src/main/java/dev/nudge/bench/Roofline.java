package dev.nudge.bench;

import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.nn.Backend;
import dev.nudge.tensor.Dtype;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Compares whole optimiser steps with the machine's own rate of matrix products.
///
///     bench/roofline [flags]
///
/// The rate of products is measured before, between and after; a length's share is taken of the
/// better of its two neighbours, as a shared machine is only ever too slow. Steps are those of a
/// training run (forward, backward, reduction, AdamW) with LoRA on every linear layer and every
/// token labelled; the work they are credited with is [Work]'s. Rates come from steps without
/// clocks; where the rest goes, from some more steps with a [Profile].
public final class Roofline {
  private static final int TOKENS = 4096;

  private final RooflineOptions options;
  private final Backend backend;

  private Roofline(RooflineOptions options, Backend backend) {
    this.options = options;
    this.backend = backend;
  }

  public static void main(String[] args) {
    RooflineOptions options;
    try {
      options = RooflineOptions.parse(args);
    } catch (IllegalArgumentException e) {
      System.err.println("roofline: " + e.getMessage());
      RooflineOptions.USAGE.forEach(System.err::println);
      System.exit(2);
      return;
    }
    Backend backend =
        Backend.resolve(
            options.compute(), Path.of(System.getProperty("java.io.tmpdir"), "nudge-bench"));
    say(
        "%s, commit %s, %s, %d threads, %d lanes, clock %s, load %.2f",
        java.time.LocalDate.now(),
        System.getProperty("nudge.bench.commit", "unknown"),
        backend.name(),
        options.threads(),
        options.lanes(),
        options.clock().name().toLowerCase(Locale.ROOT),
        load());
    backend.notes().forEach(note -> say("%s", note));
    Path peer = options.peer();
    if (peer == null) {
      new Roofline(options, backend).run();
    } else {
      new Peer(options, backend).run();
    }
  }

  /// What one length gave.
  private record Row(int length, double seconds, double flops, int tokens, double before) {}

  private void run() {
    Work work = Work.of(Shapes.SMOLLM2_135M, Steps.RANK);
    try (GemmRate bf16 = GemmRate.of(backend, Dtype.BF16, options.threads(), options.clock());
        GemmRate fp32 = GemmRate.of(backend, Dtype.F32, options.threads(), options.clock())) {
      GemmRate ours = backend.compute() == Dtype.BF16 ? bf16 : fp32;
      List<Row> rows = new ArrayList<>();
      List<Double> rates = new ArrayList<>();
      try (CausalLm model = Checkpoint.random(Shapes.SMOLLM2_135M, backend, 1)) {
        for (int length : options.lengths()) {
          rates.add(rate(bf16, fp32, ours));
          try (Steps steps = steps(model, length)) {
            steps.steps(options.warm());
            double[] seconds = steps.steps(options.steps());
            double flops = work.flops(steps.lengths(), steps.labelled());
            rows.add(
                new Row(length, Steps.median(seconds), flops, steps.tokens(), rates.getLast()));
            say("T = %d: seconds %s", length, seconds(seconds));
          }
        }
      }
      rates.add(rate(bf16, fp32, ours));
      table(rows, rates);
      if (options.profile() > 0) {
        double best = rates.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        profile(best);
      }
    }
  }

  private double rate(GemmRate bf16, GemmRate fp32, GemmRate ours) {
    double low = bf16.measure();
    double full = fp32.measure();
    say("products of 2048³: bf16 %.0f, fp32 %.0f GFLOP/s (load %.2f)", low, full, load());
    return ours == bf16 ? low : full;
  }

  private Steps steps(CausalLm model, int length) {
    int sequences = Math.max(2, TOKENS / length);
    return new Steps(model, options.threads(), options.lanes(), length, sequences, options.clock());
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
    Profile profile = new Profile(Shapes.SMOLLM2_135M, Steps.RANK, options.clock());
    Backend timed = profile.around(backend);
    try (CausalLm model = Checkpoint.random(Shapes.SMOLLM2_135M, timed, 1)) {
      for (int length : options.lengths()) {
        try (Steps steps = steps(model, length)) {
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
