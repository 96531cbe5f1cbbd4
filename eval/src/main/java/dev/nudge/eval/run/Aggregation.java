package dev.nudge.eval.run;

import dev.nudge.eval.metric.Bleu;
import dev.nudge.eval.metric.Calibration;
import dev.nudge.eval.metric.ChrF;
import dev.nudge.eval.metric.Classification;
import dev.nudge.eval.metric.CorpusMetric;
import dev.nudge.eval.metric.Perplexity;
import dev.nudge.eval.metric.Ter;
import dev.nudge.eval.run.MetricItem.Chances;
import dev.nudge.eval.run.MetricItem.Labels;
import dev.nudge.eval.run.MetricItem.Texts;
import dev.nudge.eval.run.MetricItem.Value;
import dev.nudge.eval.run.MetricItem.Weighted;
import dev.nudge.python.PythonRandom;
import dev.nudge.settings.InputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// Aggregates the per-document values of a metric into one number. Bootstrap resamples are
/// aggregated without processing text again.
public final class Aggregation {
  /// The aggregation functions of the harness, and some that only nudge has.
  public enum Kind {
    MEAN,
    MEDIAN,
    NANMEAN,
    PERPLEXITY,
    WEIGHTED_PERPLEXITY,
    BITS_PER_BYTE,
    SHARE,
    F1,
    MACRO_F1,
    MICRO_F1,
    WEIGHTED_F1,
    MCC("matthews_corrcoef"),
    BRIER("brier_score"),
    BLEU,
    CHRF,
    CHRF_WORDS("chrf++"),
    TER,
    BYPASS;

    private final String key;

    Kind() {
      this.key = name().toLowerCase(Locale.ROOT);
    }

    Kind(String key) {
      this.key = key;
    }

    /// Returns the name in a task file.
    public String key() {
      return key;
    }

    static Kind of(String name, String place) {
      return Arrays.stream(values())
          .filter(kind -> kind.key.equals(name))
          .findFirst()
          .orElseThrow(
              () ->
                  new InputException(
                      "%s: the aggregation %s is not known; there are %s"
                          .formatted(
                              place,
                              name,
                              String.join(
                                  ", ",
                                  Arrays.stream(values()).map(Kind::key).sorted().toList()))));
    }

    /// Whether both aggregate the same type of [MetricItem].
    boolean goesWith(Kind other) {
      return this == BYPASS || takes() == other.takes();
    }

    private Class<? extends MetricItem> takes() {
      return switch (this) {
        case MEAN, MEDIAN, NANMEAN, PERPLEXITY, BYPASS -> Value.class;
        case WEIGHTED_PERPLEXITY, BITS_PER_BYTE, SHARE -> Weighted.class;
        case F1, MACRO_F1, MICRO_F1, WEIGHTED_F1, MCC -> Labels.class;
        case BRIER -> Chances.class;
        case BLEU, CHRF, CHRF_WORDS, TER -> Texts.class;
      };
    }

    /// Whether the harness bootstraps its standard error.
    boolean bootstraps() {
      return switch (this) {
        case MEDIAN, NANMEAN, PERPLEXITY, F1, MCC, BLEU, CHRF, CHRF_WORDS, TER -> true;
        default -> false;
      };
    }

    /// Whether a resample is expensive, so that fewer are drawn.
    boolean isDear() {
      return takes() == Texts.class;
    }
  }

  /// Number of resamples of a cheap metric.
  static final int RESAMPLES = 100_000;

  private static final int DEAR = 100;
  private static final int CHUNK = 1000; // resamples per seed
  private static final double BYPASSED = 999; // the harness's value

  private final Kind kind;
  private final int size;
  private final ToDoubleFunction<int[]> aggregate;

  private Aggregation(Kind kind, int size, ToDoubleFunction<int[]> aggregate) {
    this.kind = kind;
    this.size = size;
    this.aggregate = aggregate;
  }

  /// Prepares the aggregation of per-document values.
  public static Aggregation of(Kind kind, List<MetricItem> items) {
    return new Aggregation(kind, items.size(), function(kind, items));
  }

  /// Returns the aggregate over all documents.
  public double all() {
    return aggregate.applyAsDouble(IntStream.range(0, size).toArray());
  }

  /// Returns the aggregate over selected documents, by index; an index may repeat.
  public double some(int[] places) {
    return aggregate.applyAsDouble(places);
  }

  /// Returns the aggregate of a bootstrap resample.
  ///
  /// @param times multiplicity of each document in the resample
  public double counted(int[] times) {
    int[] places = new int[Arrays.stream(times).sum()];
    int at = 0;
    for (int i = 0; i < times.length; i++) {
      Arrays.fill(places, at, at += times[i], i);
    }
    return some(places);
  }

  private static ToDoubleFunction<int[]> function(Kind kind, List<MetricItem> items) {
    return switch (kind) {
      case MEAN, MEDIAN, NANMEAN, PERPLEXITY -> values(kind, items);
      case WEIGHTED_PERPLEXITY, BITS_PER_BYTE, SHARE -> weighted(kind, items);
      case F1, MACRO_F1, MICRO_F1, WEIGHTED_F1, MCC -> labels(kind, items);
      case BRIER -> brier(items);
      case BLEU -> corpus(new Bleu(), items);
      case CHRF -> corpus(new ChrF(0), items);
      case CHRF_WORDS -> corpus(new ChrF(2), items);
      case TER -> corpus(new Ter(), items);
      case BYPASS -> places -> BYPASSED;
    };
  }

  private static ToDoubleFunction<int[]> values(Kind kind, List<MetricItem> items) {
    double[] values = items.stream().mapToDouble(item -> ((Value) item).value()).toArray();
    return switch (kind) {
      case PERPLEXITY -> places -> Perplexity.of(mean(values, places));
      case MEDIAN ->
          places -> {
            double[] sorted = Arrays.stream(places).mapToDouble(i -> values[i]).sorted().toArray();
            return sorted[sorted.length / 2];
          };
      case NANMEAN ->
          places ->
              mean(values, Arrays.stream(places).filter(i -> !Double.isNaN(values[i])).toArray());
      default -> places -> mean(values, places);
    };
  }

  private static double mean(double[] values, int[] places) {
    double sum = 0;
    for (int place : places) {
      sum += values[place];
    }
    return sum / places.length;
  }

  private static ToDoubleFunction<int[]> weighted(Kind kind, List<MetricItem> items) {
    double[] logprobs = items.stream().mapToDouble(item -> ((Weighted) item).logprob()).toArray();
    long[] weights = items.stream().mapToLong(item -> ((Weighted) item).weight()).toArray();
    return places -> {
      double sum = 0;
      long weight = 0;
      for (int place : places) {
        sum += logprobs[place];
        weight += weights[place];
      }
      double mean = sum / weight;
      return switch (kind) {
        case SHARE -> mean;
        case BITS_PER_BYTE -> Perplexity.bits(mean);
        default -> Perplexity.of(mean);
      };
    };
  }

  private static ToDoubleFunction<int[]> labels(Kind kind, List<MetricItem> items) {
    List<Labels> all = items.stream().map(Labels.class::cast).toList();
    Classification counted =
        Classification.of(
            all.stream().mapToInt(Labels::gold).toArray(),
            all.stream().mapToInt(Labels::chosen).toArray());
    return places -> {
      int[] times = new int[all.size()];
      for (int place : places) {
        times[place]++;
      }
      Classification some = counted.resampled(times);
      return switch (kind) {
        case F1 -> some.f1(1);
        case MACRO_F1 -> some.macroF1();
        case MICRO_F1 -> some.microF1();
        case WEIGHTED_F1 -> some.weightedF1();
        default -> some.mcc();
      };
    };
  }

  private static ToDoubleFunction<int[]> brier(List<MetricItem> items) {
    double[] scores =
        items.stream()
            .map(Chances.class::cast)
            .mapToDouble(item -> Calibration.brier(item.chances(), item.gold()))
            .toArray();
    return places -> mean(scores, places);
  }

  private static ToDoubleFunction<int[]> corpus(CorpusMetric metric, List<MetricItem> items) {
    double[][] sentences =
        items.stream()
            .map(Texts.class::cast)
            .map(item -> metric.statistics(item.said(), List.of(item.reference())))
            .toArray(double[][]::new);
    return places -> metric.score(sentences, places);
  }

  /// Returns the standard error as the harness reports it: analytic for a mean, else bootstrapped
  /// with the harness's random numbers.
  ///
  /// @param resamples most resamples
  /// @return NaN if the harness reports none
  double standardError(int resamples) {
    int n = size;
    if (n < 2) {
      return Double.NaN;
    }
    if (kind == Kind.MEAN) {
      double[] values = IntStream.range(0, n).mapToDouble(i -> some(new int[] {i})).toArray();
      return deviation(values) / Math.sqrt(n);
    }
    if (!kind.bootstraps() || resamples < 1) {
      return Double.NaN;
    }
    int most = kind.isDear() ? Math.min(resamples, DEAR) : resamples;
    int chunk = Math.min(CHUNK, most);
    double[] drawn = new double[most / chunk * chunk];
    IntStream.range(0, most / chunk)
        .parallel()
        .forEach(
            seed -> {
              PythonRandom random = new PythonRandom(seed);
              for (int i = 0; i < chunk; i++) {
                drawn[seed * chunk + i] = some(random.choices(n, n));
              }
            });
    return deviation(drawn);
  }

  private static double deviation(double[] values) {
    double mean = Arrays.stream(values).sum() / values.length;
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / (values.length - 1));
  }
}
