package dev.nudge.bench;

import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.nn.Backend;
import dev.nudge.settings.Compute;
import dev.nudge.train.ProcessMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Looks whether a run stays as fast as it begins.
///
///     bench/steady [--steps 2000] [--fresh 2]
///
/// Makes steps of a QLoRA run and, between them, short products of 2048³; a step's time times the
/// rate of the products beside it is how many operations the machine would have made meanwhile, so
/// a slower machine is not taken for a slower program. The medians of windows of 100 steps are
/// compared with the median of all, from step 20.
///
/// Where neighbours take memory and caches, a step loses more than a product. With `--fresh 2` a
/// process that was started a moment ago makes the same step after every second one, and the
/// quotient of neighbours in time is compared in the same way: a new one for every window.
final class Steady {
  private static final int WINDOW = 100;
  private static final int FIRST = 20;

  private final List<Double> seconds = new ArrayList<>();
  private final List<Double> besideProducts = new ArrayList<>();
  private final List<List<Double>> besideFresh = new ArrayList<>(); // of each window
  private final int each;

  private Steady(int each) {
    this.each = each;
  }

  public static void main(String[] args) {
    Flags flags = flags(args);
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    Memory.say("%s", Machines.line());
    Memory.say(
        "shape %s, quantize %s, %s, %d lanes, %d × %d tokens a step, a product every %d steps",
        flags.text("shape"),
        flags.text("quantize"),
        backend.name(),
        lanes(flags),
        flags.whole("sequences"),
        flags.whole("length"),
        flags.whole("every"));
    Steady steady = new Steady(flags.whole("fresh"));
    try (GemmRate rate = GemmRate.of(backend, threads(flags), clock(flags));
        CausalLm model = model(flags, backend);
        Steps steps = steps(flags, model)) {
      int count = flags.whole("steps");
      steady.run(count, flags.whole("every", count), rate, steps, List.of(args));
    }
    steady.report();
  }

  static Flags flags(String[] args) {
    return Flags.parse(
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
        "fresh",
        "0",
        "threads",
        "0",
        "lanes",
        "0",
        "clock",
        "wall|cpu");
  }

  static CausalLm model(Flags flags, Backend backend) {
    return Checkpoint.random(
        Shapes.named(flags.text("shape")), backend, Shapes.quantization(flags), 1);
  }

  static Steps steps(Flags flags, CausalLm model) {
    return new Steps(
        model,
        threads(flags),
        lanes(flags),
        flags.whole("length"),
        flags.whole("sequences"),
        clock(flags));
  }

  private static int threads(Flags flags) {
    return flags.whole("threads", Runtime.getRuntime().availableProcessors());
  }

  private static int lanes(Flags flags) {
    return flags.whole("lanes", threads(flags));
  }

  private static Clock clock(Flags flags) {
    return flags.choice("clock", Clock.class);
  }

  private void run(int count, int every, GemmRate rate, Steps steps, List<String> args) {
    @Nullable Fresh fresh = null;
    double freshSeconds = 0;
    double before = rate.probe();
    try {
      for (int step = 1; step <= count; step++) {
        seconds.add(steps.step());
        if (freshSeconds > 0) {
          besideFresh.getLast().add(quotient(freshSeconds));
          freshSeconds = 0;
        }
        if (step % every == 0 || step == count) {
          double after = rate.probe();
          while (besideProducts.size() < seconds.size()) {
            besideProducts.add(seconds.get(besideProducts.size()) * (before + after) / 2);
          }
          before = after;
        }
        if (each > 0 && step >= FIRST && (step - FIRST) % WINDOW == 0) {
          fresh = again(fresh, args);
          besideFresh.add(new ArrayList<>());
        } else if (fresh != null && step % each == 0) {
          freshSeconds = fresh.step();
        }
        if (step % WINDOW == 0) {
          Memory.say(
              "step %d: median of the window %.4f s, products %.0f GFLOP/s, RssAnon %.0f MiB",
              step, median(seconds, step - WINDOW, step), before, ProcessMemory.rssAnonMb());
        }
      }
    } finally {
      if (fresh != null) {
        fresh.close();
      }
    }
  }

  private static Fresh again(@Nullable Fresh fresh, List<String> args) {
    if (fresh != null) {
      fresh.close();
    }
    return Fresh.start(args, FIRST);
  }

  /// Of the steps before and after the fresh process's and of its own.
  private double quotient(double freshSeconds) {
    return (seconds.get(seconds.size() - 2) + seconds.getLast()) / 2 / freshSeconds;
  }

  private void report() {
    double[] products = windows(besideProducts, FIRST, WINDOW);
    double[] fresh =
        besideFresh.stream()
            .filter(w -> w.size() >= Math.max(1, WINDOW / each / 2))
            .mapToDouble(Steps::median)
            .toArray();
    Memory.say("");
    Memory.say("| steps | median step, s | beside products | beside a fresh process |");
    Memory.say("|---|---|---|---|");
    for (int w = 0; w < products.length; w++) {
      int from = FIRST + w * WINDOW;
      int to = Math.min(seconds.size(), from + WINDOW);
      Memory.say(
          "| %d–%d | %.4f | %s | %s |",
          from + 1, to, median(seconds, from, to), ofMedian(products, w), ofMedian(fresh, w));
    }
    Memory.say("");
    Memory.say(
        "worst window beside products %.2f %% from the median (at most 3 %%)",
        100 * worst(products));
    if (fresh.length > 0) {
      Memory.say(
          "worst window beside a fresh process %.2f %%; a step of this one takes %.3f of a fresh one's",
          100 * worst(fresh), Steps.median(fresh));
    }
  }

  private static String ofMedian(double[] windows, int w) {
    return w < windows.length
        ? String.format(Locale.ROOT, "%+.2f %%", 100 * (windows[w] / Steps.median(windows) - 1))
        : "–";
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
