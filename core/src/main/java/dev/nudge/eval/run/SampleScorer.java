package dev.nudge.eval.run;

import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.metric.Perplexity;
import dev.nudge.eval.metric.Rouge;
import dev.nudge.eval.metric.SquadF1;
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
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Scores the answers about one document by the metrics of its task, as the harness does.
///
/// Of choices the likeliest is taken, the first of several; `acc_norm` divides by the characters of
/// a choice (code points, without the delimiter), `acc_bytes` by its bytes. A document whose answer
/// is none of the choices is wrong. Of several answers that are right one is enough.
final class SampleScorer {
  private static final int NO_CHOICE = -100; // the harness's own

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

  /// Scores.
  ///
  /// @param answers what filters made of those to each request
  /// @param fromBase how far its tokens are from the base's, where that was asked
  Map<String, MetricItem> of(Sample sample, List<JsonNode> answers, JsonNode fromBase) {
    Map<String, MetricItem> all = new LinkedHashMap<>();
    Choices choices = type == OutputType.MULTIPLE_CHOICE ? choices(sample, answers) : null;
    JsonNode answer = answers.getFirst();
    DocumentMetric said = type == OutputType.GENERATE_UNTIL ? said(sample, answer) : null;
    for (Metric metric : metrics) {
      MetricItem item =
          metric.name().equals("bypass")
              ? new Value(0)
              : metric.isFromBase()
                  ? new Weighted(fromBase.path(0).doubleValue(), fromBase.path(1).longValue())
                  : choices != null
                      ? choices.of(metric.name())
                      : said != null
                          ? of(metric, sample, answer, said)
                          : likelihood(metric.name(), sample, answer);
      all.put(metric.name(), item);
    }
    return all;
  }

  private static MetricItem likelihood(String metric, Sample sample, JsonNode answer) {
    double logprob = (answer.isArray() ? answer.path(0) : answer).doubleValue();
    return switch (metric) {
      case "acc" -> new Value(answer.path(1).booleanValue() ? 1 : 0);
      case "perplexity" -> new Value(logprob);
      default -> {
        String text = sample.target().stringValue();
        boolean words = metric.equals("word_perplexity");
        yield new Weighted(logprob, words ? Perplexity.words(text) : Perplexity.bytes(text));
      }
    };
  }

  /// The choices of a document as the model finds them.
  ///
  /// @param logprobs of each choice
  /// @param alone of each choice behind nothing; empty where not asked
  /// @param greedy whether each choice is what the model would say
  /// @param gold places that are right
  private record Choices(
      List<String> texts,
      List<Double> logprobs,
      List<Double> alone,
      List<Boolean> greedy,
      List<Integer> gold) {

    MetricItem of(String metric) {
      int first = gold.getFirst();
      return switch (metric) {
        case "acc" -> right(likeliest(i -> logprobs.get(i)));
        case "acc_norm" -> right(likeliest(i -> logprobs.get(i) / characters(texts.get(i))));
        case "acc_bytes" -> right(likeliest(i -> logprobs.get(i) / Perplexity.bytes(texts.get(i))));
        case "acc_mutual_info" -> right(likeliest(i -> logprobs.get(i) - alone.get(i)));
        case "exact_match" -> new Value(gold.stream().anyMatch(place -> isGreedy(place)) ? 1 : 0);
        case "brier_score" -> new Chances(first, softmax());
        default -> new Labels(first, likeliest(i -> logprobs.get(i)));
      };
    }

    private Value right(int chosen) {
      return new Value(gold.contains(chosen) ? 1 : 0);
    }

    private boolean isGreedy(int place) {
      int at = place < 0 ? place + greedy.size() : place;
      return place != NO_CHOICE && at >= 0 && greedy.get(at);
    }

    /// The first of the largest; one that is no number is above all.
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
    List<Double> alone = new ArrayList<>();
    List<Boolean> greedy = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      double logprob = answers.get(i).path(0).doubleValue();
      (i < n ? logprobs : alone).add(logprob);
      greedy.add(answers.get(i).path(1).booleanValue());
    }
    List<Integer> gold = new ArrayList<>();
    for (JsonNode one : sample.gold().isArray() ? sample.gold() : List.of(sample.gold())) {
      gold.add(place(one, sample));
    }
    if (gold.isEmpty()) {
      gold.add(NO_CHOICE);
    }
    return new Choices(sample.choices(), logprobs, alone, greedy.subList(0, n), gold);
  }

  private int place(JsonNode gold, Sample sample) {
    int n = sample.choices().size();
    if (gold.isIntegralNumber()) {
      return gold.canConvertToInt() && gold.intValue() < n ? gold.intValue() : NO_CHOICE;
    }
    if (gold.isBoolean()) {
      return gold.booleanValue() ? n > 1 ? 1 : NO_CHOICE : 0;
    }
    if (gold.isString()) {
      int at = sample.choices().indexOf(gold.stringValue());
      return at < 0 ? NO_CHOICE : at;
    }
    throw new InputException(
        "%s: doc_to_target makes %s; it must be the place of a choice or its text"
            .formatted(place, gold));
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
    return switch (name) {
      case "squad_f1" -> new Value(SquadF1.f1(said, golds));
      case "rouge1" -> new Value(Rouge.ONE.best(said, golds, true).f1());
      case "rouge2" -> new Value(Rouge.TWO.best(said, golds, true).f1());
      case "rougeL" -> new Value(Rouge.L.best(said, golds, true).f1());
      default -> new Texts(golds.getFirst(), said);
    };
  }

  private List<String> golds(Sample sample) {
    JsonNode target = sample.target();
    if (!sample.choices().isEmpty()) {
      boolean whole = target.isIntegralNumber() && target.canConvertToInt();
      int at = whole ? target.intValue() : -1;
      int n = sample.choices().size();
      at = at < 0 ? at + n : at;
      if (!whole || at < 0 || at >= n) {
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

  /// The share of answers that are right, of several right ones whether any is.
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
