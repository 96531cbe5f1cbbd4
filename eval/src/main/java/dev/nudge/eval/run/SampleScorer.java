package dev.nudge.eval.run;

import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.metric.Perplexity;
import dev.nudge.eval.metric.TextMetric;
import dev.nudge.eval.run.MetricItem.Chances;
import dev.nudge.eval.run.MetricItem.Labels;
import dev.nudge.eval.run.MetricItem.Texts;
import dev.nudge.eval.run.MetricItem.Value;
import dev.nudge.eval.run.MetricItem.Weighted;
import dev.nudge.eval.task.OutputType;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.settings.InputException;
import dev.nudge.text.jinja.PythonValues;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Scores the answers to one document by the metrics of its task, as the harness does.
///
/// The likeliest of multiple choices is the answer (the first of equal ones); `acc_norm` normalises
/// by the length of a choice in code points, `acc_bytes` in bytes, the delimiter excluded. A
/// document whose target is not among the choices is wrong. Any of several right answers counts.
final class SampleScorer {
  private final OutputType type;
  private final List<Metric> metrics;
  private final boolean several;
  private final String place;

  SampleScorer(Task task, List<Metric> metrics) {
    this.type = task.config().type();
    this.metrics = metrics;
    this.several = task.multipleTarget();
    this.place = task.config().place();
  }

  /// Scores one document.
  ///
  /// @param answers filtered answers of each request
  /// @param fromBase KL divergence from the base, if computed
  Map<String, MetricItem> of(Sample sample, List<JsonNode> answers, JsonNode fromBase) {
    Map<String, MetricItem> all = new LinkedHashMap<>();
    Function<Metric, MetricItem> own = own(sample, answers);
    for (Metric metric : metrics) {
      MetricItem item =
          metric.name().equals("bypass")
              ? new Value(0)
              : metric.isFromBase()
                  ? new Weighted(fromBase.path(0).doubleValue(), fromBase.path(1).longValue())
                  : own.apply(metric);
      all.put(metric.name(), item);
    }
    return all;
  }

  /// Returns the metric values of the task's output type.
  private Function<Metric, MetricItem> own(Sample sample, List<JsonNode> answers) {
    JsonNode answer = answers.getFirst();
    return switch (type) {
      case LOGLIKELIHOOD -> metric -> likelihood(metric.name(), answer);
      case LOGLIKELIHOOD_ROLLING -> metric -> rolling(metric.name(), sample, answer);
      case MULTIPLE_CHOICE -> {
        Choices choices = choices(sample, answers);
        yield metric -> choices.of(metric.name());
      }
      case GENERATE_UNTIL -> {
        DocumentMetric said = said(sample, answer);
        yield metric -> of(metric, sample, answer, said);
      }
    };
  }

  private static MetricItem likelihood(String metric, JsonNode answer) {
    return switch (metric) {
      case "acc" -> new Value(answer.path(1).booleanValue() ? 1 : 0);
      case "perplexity" -> new Value(answer.path(0).doubleValue());
      default -> throw unknown(metric);
    };
  }

  private static MetricItem rolling(String metric, Sample sample, JsonNode answer) {
    double logprob = (answer.isArray() ? answer.path(0) : answer).doubleValue();
    String text = sample.target().stringValue();
    return switch (metric) {
      case "word_perplexity" -> new Weighted(logprob, Perplexity.words(text));
      case "byte_perplexity", "bits_per_byte" -> new Weighted(logprob, Perplexity.bytes(text));
      default -> throw unknown(metric);
    };
  }

  private static IllegalStateException unknown(String metric) {
    return new IllegalStateException("no way is known to score by " + metric);
  }

  /// The scored choices of a document.
  ///
  /// @param logprobs log-likelihood of each choice
  /// @param unconditional log-likelihoods without the context; empty if not requested
  /// @param greedy whether each choice is the greedy continuation
  /// @param gold indices of the right choices
  private record Choices(
      List<String> texts,
      List<Double> logprobs,
      List<Double> unconditional,
      List<Boolean> greedy,
      List<Integer> gold) {

    MetricItem of(String metric) {
      int first = gold.getFirst();
      return switch (metric) {
        case "acc" -> right(likeliest(i -> logprobs.get(i)));
        case "acc_norm" -> right(likeliest(i -> logprobs.get(i) / characters(texts.get(i))));
        case "acc_bytes" -> right(likeliest(i -> logprobs.get(i) / Perplexity.bytes(texts.get(i))));
        case "acc_mutual_info" -> right(likeliest(i -> logprobs.get(i) - unconditional.get(i)));
        case "exact_match" -> new Value(gold.stream().anyMatch(place -> isGreedy(place)) ? 1 : 0);
        case "brier_score" -> new Chances(first, softmax());
        case "f1", "macro_f1", "micro_f1", "weighted_f1", "mcc" ->
            new Labels(first, likeliest(i -> logprobs.get(i)));
        default -> throw unknown(metric);
      };
    }

    private Value right(int chosen) {
      return new Value(gold.contains(chosen) ? 1 : 0);
    }

    private boolean isGreedy(int place) {
      int at = place < 0 ? place + greedy.size() : place;
      return place != Sample.NO_CHOICE && at >= 0 && greedy.get(at);
    }

    /// Returns the index of the first maximum; NaN ranks above all.
    private int likeliest(ToDoubleFunction<Integer> of) {
      int best = 0;
      double most = of.applyAsDouble(0);
      for (int i = 1; i < logprobs.size(); i++) {
        double value = of.applyAsDouble(i);
        if (!Double.isNaN(most) && (value > most || Double.isNaN(value))) {
          best = i;
          most = value;
        }
      }
      return best;
    }

    private List<Double> softmax() {
      double most = logprobs.stream().mapToDouble(v -> v).max().orElseThrow();
      double[] all = logprobs.stream().mapToDouble(v -> Math.exp(v - most)).toArray();
      double sum = Arrays.stream(all).sum();
      return Arrays.stream(all).map(v -> v / sum).boxed().toList();
    }

    private static double characters(String text) {
      return text.codePointCount(0, text.length());
    }
  }

  private Choices choices(Sample sample, List<JsonNode> answers) {
    int n = sample.choices().size();
    List<Double> logprobs = new ArrayList<>();
    List<Double> unconditional = new ArrayList<>();
    List<Boolean> greedy = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      double logprob = answers.get(i).path(0).doubleValue();
      (i < n ? logprobs : unconditional).add(logprob);
      greedy.add(answers.get(i).path(1).booleanValue());
    }
    for (JsonNode one : sample.gold().isArray() ? sample.gold() : List.of(sample.gold())) {
      if (!one.isIntegralNumber() && !one.isBoolean() && !one.isString()) {
        throw new InputException(
            "%s: doc_to_target makes %s; it must be the place of a choice or its text"
                .formatted(place, one));
      }
    }
    return new Choices(
        sample.choices(), logprobs, unconditional, greedy.subList(0, n), sample.goldPlaces());
  }

  private DocumentMetric said(Sample sample, JsonNode answer) {
    String text = answer.isString() ? answer.stringValue() : PythonValues.str(answer);
    return new DocumentMetric(text, sample.doc(), place);
  }

  private MetricItem of(Metric metric, Sample sample, JsonNode answer, DocumentMetric document) {
    List<String> golds = golds(sample);
    String name = metric.name();
    if (name.equals("exact_match")) {
      return new Value(exact(metric, answer, golds));
    }
    MetricItem own = document.of(name);
    if (own != null) {
      return own;
    }
    String said = document.said();
    TextMetric mean = Metric.TEXT.get(name);
    return switch (name) {
      case "bleu", "chrf", "chrf++", "ter" -> new Texts(golds.getFirst(), said);
      case String _ when mean != null -> new Value(mean.score(said, golds));
      default -> throw unknown(name);
    };
  }

  private List<String> golds(Sample sample) {
    JsonNode target = sample.target();
    if (!sample.choices().isEmpty()) {
      int at = sample.targetPlace();
      if (at < 0) {
        throw new InputException(
            "%s: doc_to_target makes %s; with doc_to_choice it must be the place of a choice"
                .formatted(place, target));
      }
      return List.of(sample.choices().get(at));
    }
    if (!several) {
      return List.of(PythonValues.str(target));
    }
    List<String> golds = new ArrayList<>();
    for (JsonNode one : target.isArray() ? target : List.of(target)) {
      golds.add(PythonValues.str(one));
    }
    return golds.isEmpty() ? List.of("") : golds;
  }

  /// Returns the share of right answers; with several gold answers, whether any is right.
  private double exact(Metric metric, JsonNode answer, List<String> golds) {
    List<@Nullable String> said = new ArrayList<>();
    for (JsonNode one : answer.isArray() ? answer : List.of(answer)) {
      said.add(one.isString() ? one.stringValue() : one.isNull() ? null : PythonValues.str(one));
    }
    double right = 0;
    for (String one : said) {
      double best = 0;
      for (String gold : golds) {
        best = Math.max(best, one == null ? 0 : ExactMatch.score(one, gold, metric.options()));
      }
      right += best;
    }
    return said.isEmpty() ? 0 : several ? right > 0 ? 1 : 0 : right / said.size();
  }
}
