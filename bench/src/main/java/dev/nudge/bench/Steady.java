package dev.nudge.bench;

import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.nn.Backend;
import dev.nudge.settings.Compute;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Looks whether a run stays as fast as it begins.
///
///     bench/steady [--steps 2000]
///
/// Makes steps of a QLoRA run and, between them, short products of 2048³; a step's time times the
/// rate of the products beside it is how many operations the machine would have made meanwhile, so
/// a slower machine is not taken for a slower program. The medians of windows of 100 steps are
/// compared with the median of all, from step 20.
final class Steady {
  private static final int WINDOW = 100;
  private static final int FIRST = 20;

  private Steady() {}

  public static void main(String[] args) {
    Flags flags =
        Flags.parse(
            "bench/steady",
            args,
            "steps",
            "2000",
            "shape",
            Shapes.ROOFLINE,
            "quantize",
            "nf4|none",
            "compute",
            "auto|bf16|fp32",
            "length",
            "256",
            "sequences",
            "2",
            "every",
            "5",
            "threads",
            "0",
            "lanes",
            "0",
            "clock",
            "wall|cpu");
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    int threads =
        flags.whole("threads") > 0
            ? flags.whole("threads")
            : Runtime.getRuntime().availableProcessors();
    int lanes = flags.whole("lanes") > 0 ? flags.whole("lanes") : threads;
    Clock clock = flags.choice("clock", Clock.class);
    Memory.say("%s", Machines.line());
    Memory.say(
        "shape %s, quantize %s, %s, %d lanes, %d × %d tokens a step, a product every %d steps",
        flags.text("shape"),
        flags.text("quantize"),
        backend.name(),
        lanes,
        flags.whole("sequences"),
        flags.whole("length"),
        flags.whole("every"));
    List<Double> normalised = new ArrayList<>();
    List<Double> seconds = new ArrayList<>();
    try (GemmRate rate = GemmRate.of(backend, threads, clock);
        CausalLm model =
            Checkpoint.random(
                Shapes.named(flags.text("shape")), backend, Shapes.quantization(flags), 1);
        Steps steps =
            new Steps(
                model, threads, lanes, flags.whole("length"), flags.whole("sequences"), clock)) {
      double before = rate.probe();
      List<Double> waiting = new ArrayList<>();
      for (int step = 1; step <= flags.whole("steps"); step++) {
        waiting.add(steps.step());
        if (step % flags.whole("every") == 0 || step == flags.whole("steps")) {
          double after = rate.probe();
          for (double s : waiting) {
            seconds.add(s);
            normalised.add(s * (before + after) / 2);
          }
          waiting.clear();
          before = after;
        }
        if (step % WINDOW == 0) {
          Memory.say(
              "step %d: median of the window %.4f s, products %.0f GFLOP/s, RssAnon %.0f MiB",
              step,
              median(seconds, step - WINDOW, step),
              before,
              dev.nudge.train.ProcessMemory.rssAnonMb());
        }
      }
    }
    report(normalised, seconds);
  }

  private static void report(List<Double> normalised, List<Double> seconds) {
    double[] windows = windows(normalised, FIRST, WINDOW);
    double all = Steps.median(windows);
    Memory.say("");
    Memory.say("| steps | median step, s | beside products: of the median of windows |");
    Memory.say("|---|---|---|");
    for (int w = 0; w < windows.length; w++) {
      int from = FIRST + w * WINDOW;
      int to = Math.min(normalised.size(), from + WINDOW);
      Memory.say(
          "| %d–%d | %.4f | %+.2f %% |",
          from + 1, to, median(seconds, from, to), 100 * (windows[w] / all - 1));
    }
    Memory.say("");
    Memory.say("worst window %.2f %% from the median (at most 3 %%)", 100 * worst(windows));
  }

  private static double median(List<Double> values, int from, int to) {
    return Steps.median(values.subList(from, Math.min(to, values.size())));
  }

  /// Medians of windows of so many steps; a last short one of at least half a window counts.
  static double[] windows(List<Double> values, int first, int window) {
    List<Double> medians = new ArrayList<>();
    for (int at = first; at + (window + 1) / 2 <= values.size(); at += window) {
      medians.add(median(values, at, at + window));
    }
    return medians.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /// How far the worst is from the median of all.
  static double worst(double[] windows) {
    double middle = Steps.median(windows);
    return Arrays.stream(windows).map(w -> Math.abs(w / middle - 1)).max().orElse(0);
  }
}
