package dev.nudge.eval.run;

import static dev.nudge.eval.task.OutputType.GENERATE_UNTIL;
import static dev.nudge.eval.task.OutputType.LOGLIKELIHOOD;
import static dev.nudge.eval.task.OutputType.LOGLIKELIHOOD_ROLLING;
import static dev.nudge.eval.task.OutputType.MULTIPLE_CHOICE;

import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.metric.TextMetric;
import dev.nudge.eval.task.MetricConfig;
import dev.nudge.eval.task.OutputType;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A metric of a task, resolved to what is computed.
///
/// @param aggregation from per-document values to one number
/// @param options options of exact_match; unset for other metrics
public record Metric(
    String name, Aggregation.Kind aggregation, boolean higherIsBetter, ExactMatch.Options options) {

  /// The static properties of a supported metric.
  record Known(Set<OutputType> types, Aggregation.Kind aggregation, boolean higher) {}

  /// Mean KL divergence of the model's next-token distribution from its base's, in nats per token;
  /// not a harness metric, and absent for a model without an adapter.
  static final String KL_FROM_BASE = "kl_from_base";

  static final Map<String, Known> KNOWN = new LinkedHashMap<>();

  /// The metrics of generated text that are means of per-document scores.
  static final Map<String, TextMetric> TEXT = TextMetric.all();

  /// Generation metrics that accept several reference answers.
  private static final Set<String> OF_SEVERAL =
      new TreeSet<>(Set.of("exact_match", "tatqa_em", "tatqa_f1", "bypass"));

  static {
    put("acc", Aggregation.Kind.MEAN, true, LOGLIKELIHOOD, MULTIPLE_CHOICE);
    put("acc_norm", Aggregation.Kind.MEAN, true, MULTIPLE_CHOICE);
    put("acc_bytes", Aggregation.Kind.MEAN, true, MULTIPLE_CHOICE);
    put("acc_mutual_info", Aggregation.Kind.MEAN, true, MULTIPLE_CHOICE);
    put("exact_match", Aggregation.Kind.MEAN, true, GENERATE_UNTIL, MULTIPLE_CHOICE);
    put("f1", Aggregation.Kind.F1, true, MULTIPLE_CHOICE);
    put("macro_f1", Aggregation.Kind.MACRO_F1, true, MULTIPLE_CHOICE);
    put("micro_f1", Aggregation.Kind.MICRO_F1, true, MULTIPLE_CHOICE);
    put("weighted_f1", Aggregation.Kind.WEIGHTED_F1, true, MULTIPLE_CHOICE);
    put("mcc", Aggregation.Kind.MCC, true, MULTIPLE_CHOICE);
    put("brier_score", Aggregation.Kind.BRIER, false, MULTIPLE_CHOICE);
    put("perplexity", Aggregation.Kind.PERPLEXITY, false, LOGLIKELIHOOD);
    put("word_perplexity", Aggregation.Kind.WEIGHTED_PERPLEXITY, false, LOGLIKELIHOOD_ROLLING);
    put("byte_perplexity", Aggregation.Kind.WEIGHTED_PERPLEXITY, false, LOGLIKELIHOOD_ROLLING);
    put("bits_per_byte", Aggregation.Kind.BITS_PER_BYTE, false, LOGLIKELIHOOD_ROLLING);
    put(KL_FROM_BASE, Aggregation.Kind.SHARE, false, LOGLIKELIHOOD_ROLLING);
    put("bleu", Aggregation.Kind.BLEU, true, GENERATE_UNTIL);
    put("chrf", Aggregation.Kind.CHRF, true, GENERATE_UNTIL);
    put("chrf++", Aggregation.Kind.CHRF_WORDS, true, GENERATE_UNTIL);
    put("ter", Aggregation.Kind.TER, false, GENERATE_UNTIL);
    put("tatqa_em", Aggregation.Kind.MEAN, true, GENERATE_UNTIL);
    put("tatqa_f1", Aggregation.Kind.MEAN, true, GENERATE_UNTIL);
    put("prompt_level_strict_acc", Aggregation.Kind.MEAN, true, GENERATE_UNTIL);
    put("prompt_level_loose_acc", Aggregation.Kind.MEAN, true, GENERATE_UNTIL);
    put("inst_level_strict_acc", Aggregation.Kind.SHARE, true, GENERATE_UNTIL);
    put("inst_level_loose_acc", Aggregation.Kind.SHARE, true, GENERATE_UNTIL);
    put("bypass", Aggregation.Kind.BYPASS, true, OutputType.values());
    TEXT.forEach(
        (name, metric) ->
            put(name, Aggregation.Kind.MEAN, metric.higherIsBetter(), GENERATE_UNTIL));
    OF_SEVERAL.addAll(TEXT.keySet());
  }

  /// Returns a weighted mean where lower is better, such as a loss in nats per token.
  public static Metric ratio(String name) {
    return new Metric(name, Aggregation.Kind.SHARE, false, ExactMatch.Options.NONE);
  }

  private static void put(
      String name, Aggregation.Kind aggregation, boolean higher, OutputType... types) {
    KNOWN.putIfAbsent(name, new Known(Set.of(types), aggregation, higher));
  }

  /// Resolves the metrics of a task; a metric that does not fit the output type is skipped with a
  /// warning, as in the harness.
  ///
  /// @param several whether documents have several right answers
  /// @throws InputException if a metric, aggregation or option is unknown
  static List<Metric> of(
      List<MetricConfig> configs, OutputType type, boolean several, Consumer<String> warnings) {
    List<Metric> all = new ArrayList<>();
    for (MetricConfig config : configs) {
      Known known = KNOWN.get(config.name());
      if (known == null) {
        throw new InputException(
            "%s: the metric %s is not known; there are %s%s"
                .formatted(
                    config.place(),
                    config.name(),
                    String.join(", ", new TreeSet<>(KNOWN.keySet())),
                    Nearest.hint(config.name(), KNOWN.keySet())));
      }
      if (!known.types.contains(type)) {
        warnings.accept(
            "%s: the metric %s is none of %s and is left out"
                .formatted(config.place(), config.name(), type.key()));
        continue;
      }
      if (several && type == GENERATE_UNTIL && !OF_SEVERAL.contains(config.name())) {
        throw new InputException(
            "%s: documents have several answers, which the metric %s does not take; %s do"
                .formatted(config.place(), config.name(), String.join(", ", OF_SEVERAL)));
      }
      all.add(of(config, known, type));
    }
    if (all.isEmpty()) {
      throw new InputException(
          "%s: none of its metrics is one of %s".formatted(configs.getFirst().place(), type.key()));
    }
    return List.copyOf(all);
  }

  boolean isFromBase() {
    return name.equals(KL_FROM_BASE);
  }

  /// Whether the metric is in [0, 1].
  public boolean isFraction() {
    return switch (aggregation) {
      case F1, MACRO_F1, MICRO_F1, WEIGHTED_F1 -> true;
      case MEAN, MEDIAN, NANMEAN, SHARE -> isOfFractions();
      case PERPLEXITY, WEIGHTED_PERPLEXITY, BITS_PER_BYTE, MCC, BRIER -> false;
      case BLEU, CHRF, CHRF_WORDS, TER, BYPASS -> false;
    };
  }

  /// Whether per-document values are fractions: true for a metric that is a mean by default, and
  /// for every share except the KL divergence from the base.
  private boolean isOfFractions() {
    Known known = KNOWN.get(name);
    return known != null
        && (known.aggregation == Aggregation.Kind.MEAN
            || known.aggregation == Aggregation.Kind.SHARE && !isFromBase());
  }

  /// Whether the aggregation is the metric's default one.
  public boolean isOwnWay() {
    Known known = KNOWN.get(name);
    return known == null || known.aggregation == aggregation;
  }

  private static Metric of(MetricConfig config, Known known, OutputType type) {
    boolean exact = config.name().equals("exact_match") && type == GENERATE_UNTIL;
    ExactMatch.Options options = exact ? options(config) : ExactMatch.Options.NONE;
    if (!exact && !config.options().isEmpty() && type == GENERATE_UNTIL) {
      throw new InputException(
          "%s: %s is no option of the metric %s"
              .formatted(
                  config.place(), config.options().keySet().iterator().next(), config.name()));
    }
    String named = config.aggregation();
    Aggregation.Kind aggregation =
        named == null ? known.aggregation : Aggregation.Kind.of(named, config.place());
    if (!aggregation.goesWith(known.aggregation)) {
      throw new InputException(
          "%s: the aggregation %s does not go with the metric %s, whose own is %s"
              .formatted(config.place(), named, config.name(), known.aggregation.key()));
    }
    Boolean higher = config.higherIsBetter();
    return new Metric(config.name(), aggregation, higher == null ? known.higher : higher, options);
  }

  private static ExactMatch.Options options(MetricConfig config) {
    boolean[] flags = new boolean[3];
    List<String> names = List.of("ignore_case", "ignore_punctuation", "ignore_numbers");
    List<String> ignored = List.of();
    for (Map.Entry<String, @Nullable Object> entry : config.options().entrySet()) {
      int flag = names.indexOf(entry.getKey());
      Object value = entry.getValue();
      if (flag >= 0 && (value == null || value instanceof Boolean)) {
        flags[flag] = Boolean.TRUE.equals(value);
      } else if (entry.getKey().equals("regexes_to_ignore")
          && (value == null
              || value instanceof List<?> list
                  && list.stream().allMatch(String.class::isInstance))) {
        ignored =
            value == null ? List.of() : ((List<?>) value).stream().map(String.class::cast).toList();
      } else {
        throw new InputException(
            "%s: %s is %s; exact_match takes ignore_case, ignore_punctuation, ignore_numbers (true or false) and regexes_to_ignore (a list)"
                .formatted(config.place(), entry.getKey(), value));
      }
    }
    try {
      return ExactMatch.Options.of(flags[0], flags[1], flags[2], ignored);
    } catch (InputException e) {
      throw new InputException(config.place() + ": " + e.getMessage(), e);
    }
  }
}
