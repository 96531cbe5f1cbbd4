package dev.nudge.bench;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Clock;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Limits;
import dev.nudge.machine.Backend;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.settings.verb.Compute;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.DoubleSupplier;

/// Measures the cost of one other busy process: decodes one sequence, and makes a training step of
/// one lane, on all threads, without and with it in turns.
///
///     bench/neighbour [--shape 135m] [--rounds 5] [--tokens 32] [--length 256] [--sequences 2]
///
/// The neighbour is a process that counts and never waits. With n processors and one neighbour a
/// fair scheduler leaves the command n/(n+1) of its CPU time: a factor of 1.5 on two. Threads that
/// wait for each other cause any further loss.
final class Neighbour {
  private Neighbour() {}

  /// The neighbour's program: spins until it is killed.
  static final class Busy {
    private Busy() {}

    public static void main(String[] args) {
      long end = System.nanoTime() + 600_000_000_000L; // ends after 10 minutes if not killed
      while (System.nanoTime() < end) {
        Thread.onSpinWait();
      }
    }
  }

  public static void main(String[] args) {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/neighbour",
            args,
            "--shape "
                + BenchModels.ROOFLINE
                + " --compute auto|bf16|fp32 --quantize none|nf4 --rounds 5 --tokens 32"
                + " --length 256 --sequences 2 --threads 0");
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    int threads = flags.whole("threads", Runtime.getRuntime().availableProcessors());
    System.out.println(Machines.line());
    System.out.printf("shape %s, %s, %d threads%n", flags.text("shape"), backend.name(), threads);
    try (CausalLm model =
        Checkpoint.random(
            BenchModels.named(flags.text("shape")), backend, BenchModels.quantization(flags), 1)) {
      decode(flags, model, threads);
      model.packed().keep(Caches.ALL, Set.of());
      step(flags, model, threads);
    }
  }

  private static void decode(BenchFlags flags, CausalLm model, int threads) {
    int tokens = flags.whole("tokens");
    try (NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
        Engine engine = new Engine(model, none, new Limits(threads, 1L << 30, tokens + 1, false))) {
      compare(
          flags,
          "decoding",
          "tokens/s",
          tokens,
          () -> {
            long start = System.nanoTime();
            engine
                .submit(
                    new int[1],
                    tokens + 1,
                    null,
                    (logits, row, ids, count) -> count == tokens ? Caller.END : count)
                .await();
            return (System.nanoTime() - start) / 1e9;
          });
    }
  }

  private static void step(BenchFlags flags, CausalLm model, int threads) {
    try (TrainingSteps steps =
        new TrainingSteps(
            model, threads, 1, flags.whole("length"), flags.whole("sequences"), Clock.WALL)) {
      compare(flags, "a step of one lane", "tokens/s", steps.tokens(), steps::step);
    }
  }

  /// @param work returns seconds
  private static void compare(
      BenchFlags flags, String name, String unit, double amount, DoubleSupplier work) {
    for (int i = 0; i < 4; i++) {
      var _ = work.getAsDouble(); // compiled
    }
    int rounds = flags.whole("rounds");
    double[] quiet = new double[rounds];
    double[] beside = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      quiet[i] = work.getAsDouble();
      Process busy = busy();
      try {
        beside[i] = work.getAsDouble();
      } finally {
        end(busy);
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%s: quiet %.1f %s, beside one busy process %.1f: %.2f times as long (each %s)%n",
        name,
        amount / TrainingSteps.median(quiet),
        unit,
        amount / TrainingSteps.median(beside),
        TrainingSteps.median(beside) / TrainingSteps.median(quiet),
        Arrays.toString(
            java.util.stream.IntStream.range(0, rounds)
                .mapToObj(i -> String.format(Locale.ROOT, "%.2f", beside[i] / quiet[i]))
                .toArray()));
  }

  private static Process busy() {
    try {
      Process busy =
          new ProcessBuilder(Child.java(List.of("-XX:+UseSerialGC"), Busy.class, List.of()))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      Runtime.getRuntime().addShutdownHook(new Thread(busy::destroyForcibly));
      Thread.sleep(1000); // waits for start and JIT
      return busy;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static void end(Process busy) {
    try {
      busy.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
