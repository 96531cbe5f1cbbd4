package dev.nudge.plan;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.kernel.AdamW;
import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.DryPasses.TrainWork;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Recompute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Malloc;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Measures a run's speed in about a second, with its own passes on a slice of its model.
///
/// Passes of a [ModelSlice] with and without labelled rows separate the output head from the
/// layers. The result is FLOP/s; a dry run of the whole model counts the FLOPs of a step.
///
/// The JVM compiles while the slice warms up, so passes repeat until they no longer get faster.
///
/// The rate of square products is not used instead: it would need a factor of efficiency for each
/// width, length, rank and format.
public final class SpeedProbe {
  private static final int MOST_LABELLED = 512;
  private static final long WARM_NANOS = 8_000_000_000L; // at most
  private static final long CALM_NANOS = 1_500_000_000L; // compilers take their time
  private static final double BUSY = 0.1; // of a pass, in which compilers worked
  private static final long MEASURED_NANOS = 1_000_000_000L;
  private static final int SQUARE = 1024;

  private final ModelSlice slice;
  private final Quantization quantization;
  private final Backend backend;
  private final @Nullable Lora spec;
  private final Plan plan;
  private final LongSupplier clock;

  private SpeedProbe(
      ModelConfig config,
      Quantization quantization,
      Backend backend,
      @Nullable Lora spec,
      Plan plan,
      LongSupplier clock) {
    this.quantization = quantization;
    this.backend = backend;
    this.spec = spec;
    this.plan = plan;
    this.clock = clock;
    int tokens = plan.microBatchTokens();
    this.slice = ModelSlice.of(config, tokens, Math.min(tokens, plan.longest()));
  }

  /// Measures the speed of products, of a run's passes and of its optimiser updates.
  ///
  /// @param config the model that the run will train
  /// @param quantization how its weights are held
  /// @param spec the adapter; null: full fine-tuning
  /// @param plan the layout of the run
  /// @param clock nanoseconds; wall clock, or another one if the machine is shared
  public static Rates measure(
      ModelConfig config,
      Quantization quantization,
      Backend backend,
      @Nullable Lora spec,
      Plan plan,
      LongSupplier clock) {
    return new SpeedProbe(config, quantization, backend, spec, plan, clock).measure();
  }

  private Rates measure() {
    int lanes = plan.lanes();
    List<Workspace> workspaces = new ArrayList<>();
    try (Scope scope = Scope.open("probe");
        CausalLm model =
            Checkpoint.random(
                slice.config(),
                backend,
                quantization,
                spec == null ? Trainable.all(lanes, scope) : null,
                1);
        Lanes threads = new Lanes(lanes)) {
      model.reserve(slice.longest());
      model.recompute(levels());
      model.packed().keep(plan.caches(), Set.of());
      Adapters adapters = spec == null ? null : attach(model, spec, lanes, scope);
      long bytes = model.measured().trainBytes(slice.tokens(), slice.longest());
      workspaces.addAll(
          threads.run(
              lane -> new Workspace(lane, bytes, backend.gemms().apply(plan.threadsPerLane()))));
      try (Malloc.Retention kept = Malloc.keepBlocks()) { // as in a run from its second step on
        return rates(model, threads, workspaces);
      } finally {
        threads.run(
            lane -> {
              workspaces.get(lane).close();
              return lane;
            });
        if (adapters != null) {
          adapters.detach();
        }
      }
    }
  }

  /// The slice's gradient checkpointing: that of some layers of the run, in their order.
  private List<Recompute> levels() {
    List<Recompute> all = plan.levels();
    int layers = slice.config().numHiddenLayers();
    return IntStream.range(0, layers)
        .mapToObj(i -> all.get(i * all.size() / layers))
        .map(level -> level == Recompute.OFFLOADED ? Recompute.EVERYTHING : level)
        .toList();
  }

  private Adapters attach(CausalLm model, Lora adapter, int lanes, Scope scope) {
    return Adapters.attach(model.modules(), adapter, 1, backend.compute(), lanes, scope);
  }

  private Rates rates(CausalLm model, Lanes threads, List<Workspace> workspaces) {
    Batch unlabelled = batch(0);
    Batch labelled = batch(Math.min(MOST_LABELLED, slice.tokens()));
    Runnable first = () -> pass(model, unlabelled, threads, workspaces);
    Runnable second = () -> pass(model, labelled, threads, workspaces);
    warm(first, second);
    List<Double> firsts = new ArrayList<>();
    List<Double> seconds = new ArrayList<>();
    long end = System.nanoTime() + MEASURED_NANOS;
    while (firsts.size() < 3 || System.nanoTime() < end) {
      firsts.add(nanos(first));
      seconds.add(nanos(second));
    }
    int lanes = plan.lanes();
    double layersNanos = median(firsts);
    double headNanos = Math.max(1, median(seconds) - layersNanos);
    double products = products(threads, workspaces);
    TrainWork work = model.measured().work(labelled.lengths(), labelled.rows().length);
    double layers = lanes * work.layers() / layersNanos;
    double head = Math.min(products, lanes * work.head() / headNanos);
    return new Rates(products, layers, head, update(threads));
  }

  private Batch batch(int labelled) {
    int[] rows = new int[labelled];
    Arrays.setAll(rows, i -> i);
    int[] lengths = slice.lengths();
    return new Batch(
        new int[slice.tokens()], lengths, new long[lengths.length], rows, new int[labelled]);
  }

  private static void pass(CausalLm model, Batch batch, Lanes threads, List<Workspace> workspaces) {
    threads.run(lane -> model.train(batch, 1e-3, Dropout.of(1, 1), workspaces.get(lane)));
  }

  /// Runs both passes until they no longer get faster and compilation ends.
  private void warm(Runnable first, Runnable second) {
    long start = System.nanoTime();
    long now = start;
    long calm = start; // since when
    double best = Double.MAX_VALUE;
    int passes = 0;
    while (now - start < WARM_NANOS && (passes < 4 || now - calm < CALM_NANOS)) {
      long begun = now;
      long compiled = compileNanos();
      double nanos = nanos(first) + nanos(second);
      passes++;
      now = System.nanoTime();
      if (nanos < 0.97 * best || compileNanos() - compiled > BUSY * (now - begun)) {
        calm = now;
      }
      best = Math.min(best, nanos);
    }
  }

  private static long compileNanos() {
    var compiler = ManagementFactory.getCompilationMXBean();
    return compiler == null ? 0 : compiler.getTotalCompilationTime() * 1_000_000;
  }

  /// GFLOP/s of square products, one a lane.
  private double products(Lanes threads, List<Workspace> workspaces) {
    Dtype dtype = backend.compute();
    try (Scope scope = Scope.open("probe")) {
      Tensor a = scope.tensor(dtype, SQUARE, SQUARE);
      Tensor b = scope.tensor(dtype, SQUARE, SQUARE);
      List<Tensor> c = new ArrayList<>();
      workspaces.forEach(ws -> c.add(scope.tensor(dtype, SQUARE, SQUARE)));
      Runnable multiply =
          () ->
              threads.run(
                  lane -> {
                    Gemm gemm = workspaces.get(lane).gemm();
                    gemm.multiply(a, b, c.get(lane), false);
                    return lane;
                  });
      multiply.run();
      List<Double> nanos = new ArrayList<>();
      for (int i = 0; i < 7; i++) {
        nanos.add(nanos(multiply));
      }
      double best = nanos.stream().min(Double::compare).orElseThrow();
      return 2.0 * SQUARE * SQUARE * SQUARE * workspaces.size() / best;
    }
  }

  /// Nanoseconds per number of gradient reduction, norm and update.
  private double update(Lanes threads) {
    try (Scope scope = Scope.open("probe")) {
      Dtype acc = backend.compute().accumulator();
      List<Tensor[]> sets = new ArrayList<>();
      for (int lane = 0; lane < plan.lanes(); lane++) {
        Tensor[] set = new Tensor[5];
        Arrays.setAll(set, i -> scope.tensor(acc, SQUARE / 4, SQUARE));
        sets.add(set);
      }
      AdamW.Hyper hyper = new AdamW.Hyper(1e-4, 0.9, 0.999, 1e-8, 0, 1, 1);
      var kernels = backend.kernels();
      Runnable step =
          () ->
              threads.run(
                  lane -> {
                    Tensor[] s = sets.get(lane);
                    for (int i = 1; i < plan.lanes(); i++) {
                      kernels.elementwise().add(s[4], s[1]);
                    }
                    kernels.elementwise().sumOfSquares(s[1]);
                    kernels.adamW().step(s[0], null, s[1], s[2], s[3], hyper);
                    for (int i = 0; i < plan.lanes(); i++) {
                      s[4].zero();
                    }
                    return lane;
                  });
      List<Double> nanos = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        nanos.add(nanos(step));
      }
      return median(nanos.subList(20, 40)) / (SQUARE / 4.0 * SQUARE * plan.lanes());
    }
  }

  private double nanos(Runnable work) {
    long start = clock.getAsLong();
    work.run();
    return clock.getAsLong() - start;
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(v -> v).sorted().toArray();
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }
}
