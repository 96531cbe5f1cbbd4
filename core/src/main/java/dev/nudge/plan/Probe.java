package dev.nudge.plan;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.Lora;
import dev.nudge.kernel.AdamW;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Dropout;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Measures about a second of the very passes that a run makes, on a slice of its model.
///
/// The slice has two layers, the run's widths where these are not too large, its micro-batch and
/// its lanes, with random weights. Passes with and without labelled rows tell the head from the
/// layers. What is measured is operations a second; [Work] counts those of the whole
/// model. A narrower slice stands for a wide model, because wide products all run at the same rate;
/// a slice that is as wide as the run also has its small products right.
///
/// The JVM compiles while the slice warms up, so passes run until they no longer get faster.
public final class Probe {
  private static final int LAYERS = 2;
  private static final double PASS_FLOPS = 60e9; // of one lane: about a fifth of a second
  private static final long WEIGHTS = 48 << 20; // numbers of the slice
  private static final int LEAST_WIDTH = 512;
  private static final int LEAST_TOKENS = 64;
  private static final int MOST_LABELLED = 512;
  private static final long WARM_NANOS = 6_000_000_000L; // at most
  private static final long CALM_NANOS = 1_500_000_000L; // compilers take their time
  private static final long MEASURED_NANOS = 1_000_000_000L;
  private static final int SQUARE = 1024;

  private final ModelConfig slice;
  private final Quantization quantization;
  private final Backend backend;
  private final @Nullable Lora spec;
  private final Plan plan;
  private final int tokens;
  private final int longest;
  private final LongSupplier clock;

  private Probe(
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
    int n = plan.microBatchTokens();
    int t = plan.longest();
    ModelConfig c = narrowed(config, config.hiddenSize());
    while (!small(c, n, t) && c.hiddenSize() > LEAST_WIDTH) {
      c = narrowed(config, c.hiddenSize() / 2);
    }
    while (!small(c, n, t) && n > LEAST_TOKENS) {
      n = n / 2;
      t = Math.min(t, n);
    }
    this.slice = c;
    this.tokens = n;
    this.longest = t;
  }

  /// Measures.
  ///
  /// @param config the model that the run will train
  /// @param quantization how its weights are held
  /// @param spec its adapter; null where its own weights train
  /// @param plan its layout
  /// @param clock nanoseconds; the wall's, or another where the machine is shared
  public static Rates measure(
      ModelConfig config,
      Quantization quantization,
      Backend backend,
      @Nullable Lora spec,
      Plan plan,
      LongSupplier clock) {
    return new Probe(config, quantization, backend, spec, plan, clock).measure();
  }

  private static boolean small(ModelConfig c, int tokens, int longest) {
    double flops = new Work(c, 0, 0, false).layers(List.of(), lengths(tokens, longest));
    return flops <= PASS_FLOPS && c.parameters() <= WEIGHTS;
  }

  private static int[] lengths(int tokens, int longest) {
    int[] lengths = new int[Math.ceilDiv(tokens, longest)];
    Arrays.fill(lengths, longest);
    lengths[lengths.length - 1] = tokens - longest * (lengths.length - 1);
    return lengths;
  }

  /// The model with two layers, all widths in proportion and whole heads; the vocabulary is cut
  /// where the head alone would be too large.
  private static ModelConfig narrowed(ModelConfig c, int width) {
    double share = (double) width / c.hiddenSize();
    int keyValues = Math.max(1, (int) Math.round(c.numKeyValueHeads() * share));
    int heads = keyValues * (c.numAttentionHeads() / c.numKeyValueHeads());
    int hidden = share == 1 ? width : width / 64 * 64;
    int inner = share == 1 ? c.intermediateSize() : (int) (c.intermediateSize() * share) / 64 * 64;
    int vocabulary = (int) Math.min(c.vocabSize(), WEIGHTS / 2 / hidden);
    return new ModelConfig(
        hidden,
        inner,
        Math.min(LAYERS, c.numHiddenLayers()),
        heads,
        keyValues,
        c.headDim(),
        vocabulary,
        c.maxPositionEmbeddings(),
        c.rmsNormEps(),
        c.tieWordEmbeddings(),
        c.attentionBias(),
        c.mlpBias(),
        c.rope(),
        c.bosTokenId(),
        c.eosTokenIds());
  }

  private Rates measure() {
    int lanes = plan.lanes();
    List<Workspace> workspaces = new ArrayList<>();
    try (Scope scope = Scope.open("probe");
        CausalLm model =
            spec == null
                ? Checkpoint.random(slice, backend, Trainable.all(lanes, scope), 1)
                : Checkpoint.random(slice, backend, quantization, 1);
        Lanes threads = new Lanes(lanes)) {
      model.reserve(longest);
      model.cache(plan.caches());
      Adapters adapters = spec == null ? null : attach(model, spec, lanes, scope);
      long bytes = model.trainBytes(tokens, longest);
      workspaces.addAll(
          threads.run(
              lane -> new Workspace(lane, bytes, backend.gemms().apply(plan.threadsPerLane()))));
      try {
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

  private Adapters attach(CausalLm model, Lora adapter, int lanes, Scope scope) {
    return Adapters.attach(
        model.slots(), ModelConfig.UNTARGETABLE, adapter, 1, backend.compute(), lanes, scope);
  }

  private Rates rates(CausalLm model, Lanes threads, List<Workspace> workspaces) {
    Batch unlabelled = batch(0);
    Batch labelled = batch(Math.min(MOST_LABELLED, tokens));
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
    Work work = Work.of(model);
    int lanes = plan.lanes();
    double layersNanos = median(firsts);
    double headNanos = Math.max(1, median(seconds) - layersNanos);
    double products = products(threads, workspaces);
    double layers = lanes * work.layers(List.of(), unlabelled.lengths()) / layersNanos;
    double head = Math.min(products, lanes * work.head(labelled.rows().length) / headNanos);
    return new Rates(products, layers, head, update(threads));
  }

  private Batch batch(int labelled) {
    int[] rows = new int[labelled];
    Arrays.setAll(rows, i -> i);
    int[] lengths = lengths(tokens, longest);
    return new Batch(new int[tokens], lengths, new long[lengths.length], rows, new int[labelled]);
  }

  private static void pass(CausalLm model, Batch batch, Lanes threads, List<Workspace> workspaces) {
    threads.run(lane -> model.train(batch, 1e-3, Dropout.of(1, 1), workspaces.get(lane)));
  }

  /// Runs both until for a while no pass was faster than those before it.
  private void warm(Runnable first, Runnable second) {
    long start = System.nanoTime();
    long faster = start;
    double best = Double.MAX_VALUE;
    int since = 0;
    while (System.nanoTime() - start < WARM_NANOS
        && (since < 4 || System.nanoTime() - faster < CALM_NANOS)) {
      double nanos = nanos(first) + nanos(second);
      since++;
      if (nanos < 0.97 * best) {
        since = 0;
        faster = System.nanoTime();
      }
      best = Math.min(best, nanos);
    }
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

  /// Nanoseconds of a number in the sum over lanes, the norm and the update.
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
