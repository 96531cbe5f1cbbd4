package dev.nudge.merge;

import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.KlDivergence;
import dev.nudge.model.Quantization;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Modules;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Measures how two models' logits differ, over all tokens of some sequences.
///
/// With z the logits and p the next-token probabilities:
///
///     logits  max and mean of |z' − z| over tokens and vocabulary
///     kl      mean over tokens of the [KlDivergence] KL(p ‖ p'), in nats, p that of the reference
///     perplexity  exp of the mean −log p of the token that follows
///
/// @param tokens number of tokens compared
/// @param perplexity of the reference on the sequences
/// @param mergedPerplexity of the other (merged) model
public record ModelDifference(
    int tokens,
    double maxLogitDifference,
    double meanLogitDifference,
    double kl,
    double perplexity,
    double mergedPerplexity) {
  private static final int ROOM_BYTES = 32 << 20; // of a model's logits

  /// Rows whose logits are compared at a time.
  static int rows(int vocabulary) {
    return Math.clamp(ROOM_BYTES / (4L * vocabulary), 16, 256);
  }

  /// A model and the hidden states before its output head.
  ///
  /// @param head of its [StreamedLm#ends]
  /// @param hidden (tokens, width) of [StreamedLm#hidden]
  record Side(StreamedLm model, Linear head, Tensor hidden) {}

  /// Compares two models on the same sequences.
  static ModelDifference of(
      Side reference, Side other, List<int[]> sequences, int vocabulary, Workspace ws) {
    int[] next = next(sequences);
    Sums sums = new Sums(vocabulary);
    int step = rows(vocabulary);
    try (Scope scope = Scope.open("logits")) {
      Tensor a = scope.tensor(reference.hidden.dtype().accumulator(), step, vocabulary);
      Tensor b = scope.tensor(a.dtype(), step, vocabulary);
      for (int from = 0; from < next.length; from += step) {
        int to = Math.min(next.length, from + step);
        Tensor za = a.rows(0, to - from);
        Tensor zb = b.rows(0, to - from);
        reference.model.logits(reference.hidden.rows(from, to), reference.head, za, ws);
        other.model.logits(other.hidden.rows(from, to), other.head, zb, ws);
        for (int r = from; r < to; r++) {
          sums.add(za, zb, r - from, next[r]);
        }
      }
    }
    return sums.difference();
  }

  /// Compares two rows of logits of one token.
  ///
  /// @param next the token that follows
  static ModelDifference of(double[] reference, double[] other, int next) {
    Sums sums = new Sums(reference.length);
    sums.add(reference, other, next);
    return sums.difference();
  }

  /// The next token of each token; −1 for the last of a sequence.
  private static int[] next(List<int[]> sequences) {
    int[] next = new int[sequences.stream().mapToInt(s -> s.length).sum()];
    int at = 0;
    for (int[] ids : sequences) {
      for (int i = 0; i < ids.length; i++) {
        next[at++] = i + 1 < ids.length ? ids[i + 1] : -1;
      }
    }
    return next;
  }

  /// Running sums in double.
  private static final class Sums {
    private final double[] x;
    private final double[] y;
    private int tokens;
    private int followed;
    private double max;
    private double sum;
    private double kl;
    private double loss;
    private double otherLoss;

    Sums(int vocabulary) {
      this.x = new double[vocabulary];
      this.y = new double[vocabulary];
    }

    void add(Tensor a, Tensor b, int row, int next) {
      load(a, row, x);
      load(b, row, y);
      add(x, y, next);
    }

    void add(double[] x, double[] y, int next) {
      double logX = KlDivergence.logSumExp(x);
      double logY = KlDivergence.logSumExp(y);
      for (int v = 0; v < x.length; v++) {
        double apart = Math.abs(y[v] - x[v]);
        max = apart > max || Double.isNaN(apart) ? apart : max;
        sum += apart;
      }
      kl += KlDivergence.of(x, logX, y, logY);
      tokens++;
      if (next >= 0) {
        loss += logX - x[next];
        otherLoss += logY - y[next];
        followed++;
      }
    }

    private static void load(Tensor t, int row, double[] to) {
      for (int v = 0; v < to.length; v++) {
        to[v] = t.get(row, v);
      }
    }

    ModelDifference difference() {
      return new ModelDifference(
          tokens,
          max,
          sum / tokens / x.length,
          kl / tokens,
          Math.exp(loss / followed),
          Math.exp(otherLoss / followed));
    }
  }

  /// Compares a model's logits with one adapter to those with another, on the text of [ProbeText].
  /// Computes in fp32 unless `--compute bf16` is given, as the check of a merge does.
  ///
  /// @param reference the reference of the KL divergence; null: the base
  /// @param other null: the base
  /// @param warnings receives one line each
  /// @throws InputException if an adapter is not for this model, or holds more than A and B
  public static ModelDifference ofAdapters(
      ModelSettings settings,
      @Nullable Path reference,
      @Nullable Path other,
      Machine machine,
      Consumer<String> warnings) {
    Path folder = settings.model();
    ModelConfig config = ModelConfig.load(folder);
    Checkpoint.check(folder, config);
    Quantization held = Quantization.resolve(settings, config);
    Compute type = settings.compute() == Compute.BF16 ? Compute.BF16 : Compute.FP32;
    Backend backend = Backend.resolve(type, machine.cache(), config.widths());
    Identity.Model base =
        new Identity.Model(folder, held.format(), () -> BaseDigest.of(folder, machine.cache()));
    try (AdapterStack first = stack(reference, base, config, backend, settings, warnings);
        AdapterStack second = stack(other, base, config, backend, settings, warnings)) {
      int most =
          settings.maxLength() == null ? config.maxPositionEmbeddings() : settings.maxLength();
      List<int[]> probe = ProbeText.of(folder, config, most, machine.cache(), warnings);
      Integer given = settings.threads();
      int threads = given == null ? machine.threads() : given;
      Opening opening =
          () -> StreamedLm.open(folder, config, backend, held, StreamedLm.BLOCK_BYTES);
      return compare(opening, opening, first, second, probe, config, backend, threads);
    }
  }

  /// Compares two stored formats of one model, in fp32.
  ///
  /// @param reference the reference of the KL divergence
  /// @param warnings receives one line each
  /// @throws InputException if a folder cannot be read
  public static ModelDifference ofForms(
      Path reference, Path other, Machine machine, Consumer<String> warnings) {
    ModelConfig config = ModelConfig.load(reference);
    Backend fp32 = Backend.resolve(Compute.FP32, machine.cache(), config.widths());
    int most = config.maxPositionEmbeddings();
    return compare(
        stored(reference, config, fp32),
        stored(other, config, fp32),
        StreamedLm.Dressing.NONE,
        StreamedLm.Dressing.NONE,
        ProbeText.of(reference, config, most, machine.cache(), warnings),
        config,
        fp32,
        machine.threads());
  }

  private static Opening stored(Path folder, ModelConfig config, Backend backend) {
    Quantization held = Quantization.resolve(ModelSettings.of(folder), config);
    return () -> StreamedLm.open(folder, config, backend, held, StreamedLm.BLOCK_BYTES);
  }

  private static AdapterStack stack(
      @Nullable Path adapter,
      Identity.Model base,
      ModelConfig config,
      Backend backend,
      ModelSettings settings,
      Consumer<String> warnings) {
    List<Path> folders = adapter == null ? List.of() : List.of(adapter);
    if (adapter != null) {
      Identity.check(adapter, base, settings.anyBase(), warnings);
    }
    AdapterStack stack =
        AdapterStack.open(
            folders,
            folders.stream().map(_ -> 1.0).toList(),
            base,
            settings.anyBase(),
            config,
            backend.compute());
    if (stack.holdsWhole()) {
      stack.close();
      throw new InputException(
          "adapter %s holds whole modules or rows of tokens; answers are compared of adapters of A and B alone, so leave --model out"
              .formatted(adapter));
    }
    return stack;
  }

  private interface Opening {
    StreamedLm open();
  }

  private static ModelDifference compare(
      Opening opening,
      Opening otherOpening,
      StreamedLm.Dressing first,
      StreamedLm.Dressing second,
      List<int[]> probe,
      ModelConfig config,
      Backend backend,
      int threads) {
    int rows = rows(config.vocabSize());
    int tokens = probe.stream().mapToInt(ids -> ids.length).sum();
    Dtype compute = backend.compute();
    try (StreamedLm reference = opening.open();
        StreamedLm other = otherOpening.open();
        Scope scope = Scope.open("comparison");
        Workspace ws =
            new Workspace(
                0,
                Math.max(reference.bytes(probe, first, rows), other.bytes(probe, second, rows)),
                backend.gemms().apply(threads))) {
      Tensor a = scope.tensor(compute, tokens, config.hiddenSize());
      Tensor b = scope.tensor(compute, tokens, config.hiddenSize());
      Modules ends = reference.ends(first, scope);
      Modules otherEnds = other.ends(second, scope);
      reference.hidden(probe, first, ends, a, ws, () -> false);
      other.hidden(probe, second, otherEnds, b, ws, () -> false);
      return of(
          new Side(reference, Objects.requireNonNull(ends.head()).linear(), a),
          new Side(other, Objects.requireNonNull(otherEnds.head()).linear(), b),
          probe,
          config.vocabSize(),
          ws);
    }
  }
}
