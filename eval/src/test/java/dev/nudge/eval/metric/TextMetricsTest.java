package dev.nudge.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Compares with the tools that own the metrics (`metrics.py`), on texts that are empty, in other
/// scripts, full of blanks, digits, marks and emoji. What differs is the order of a sum or a
/// logarithm: 1e-9 of scores up to 100.
class TextMetricsTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/metrics.json"));
  private static final double EXACT = 1e-9;

  /// In the golden's order.
  private static final List<Rouge> KINDS = List.of(Rouge.ONE, Rouge.TWO, Rouge.L, Rouge.L_SUM);

  private static List<String> texts(JsonNode node) {
    return node.valueStream().map(JsonNode::asString).toList();
  }

  private static List<List<String>> pairs(String... names) {
    List<List<String>> pairs = new ArrayList<>();
    for (String name : names) {
      GOLDEN.get(name).forEach(pair -> pairs.add(texts(pair)));
    }
    return pairs;
  }

  @Test
  void exactMatchIsTheHarnesss() {
    JsonNode golden = GOLDEN.get("exact_match");
    List<List<String>> pairs = pairs("texts");
    golden.get("pairs").forEach(pair -> pairs.add(texts(pair)));
    int matched = 0;
    for (int o = 0; o < golden.get("options").size(); o++) {
      JsonNode given = golden.get("options").get(o);
      JsonNode regexes = given.get("regexes_to_ignore");
      ExactMatch.Options options =
          ExactMatch.Options.of(
              given.get("ignore_case").asBoolean(),
              given.get("ignore_punctuation").asBoolean(),
              given.get("ignore_numbers").asBoolean(),
              regexes.isNull() ? List.of() : texts(regexes));
      for (int i = 0; i < pairs.size(); i++) {
        double score = ExactMatch.score(pairs.get(i).get(0), pairs.get(i).get(1), options);
        matched += (int) score;
        assertThat(score)
            .as("%s of %s", given, pairs.get(i))
            .isEqualTo(golden.get("scores").get(o).get(i).asDouble());
      }
    }
    assertThat(matched).isPositive();
    assertThat(ExactMatch.score("Yes", "yes", ExactMatch.Options.NONE)).isZero();
  }

  @Test
  void squadIsThatOfEvaluate() {
    List<List<String>> pairs = pairs("texts");
    for (int i = 0; i < pairs.size(); i++) {
      String prediction = pairs.get(i).getFirst();
      List<String> references = texts(GOLDEN.get("references").get(i));
      assertThat(new SquadF1().score(prediction, references))
          .as(prediction)
          .isCloseTo(GOLDEN.get("squad").get(i).asDouble(), within(1e-15));
    }
  }

  @Test
  void anlsIsThatOfItsPackage() {
    List<List<String>> pairs = pairs("texts");
    for (int i = 0; i < pairs.size(); i++) {
      for (int j = 0; j < 3; j++) {
        List<String> references = texts(GOLDEN.get("anls").get(j).get("references").get(i));
        assertThat(new Anls().score(pairs.get(i).getFirst(), references))
            .as("%s of %s", pairs.get(i).getFirst(), references)
            .isEqualTo(GOLDEN.get("anls").get(j).get("scores").get(i).asDouble());
      }
    }
  }

  @Test
  void googleBleuIsThatOfEvaluate() {
    List<List<String>> pairs = pairs("texts");
    int between = 0;
    for (JsonNode golden : GOLDEN.get("google_bleu")) {
      for (int i = 0; i < pairs.size(); i++) {
        List<String> references = texts(golden.get("references").get(i));
        double score = new GoogleBleu().score(pairs.get(i).getFirst(), references);
        between += score > 0 && score < 1 ? 1 : 0;
        assertThat(score)
            .as("%s of %s", pairs.get(i).getFirst(), references)
            .isEqualTo(golden.get("scores").get(i).asDouble());
      }
    }
    assertThat(between).isGreaterThan(50);
  }

  @Test
  void rougeIsGoogles() {
    List<List<String>> pairs = pairs("texts", "lines");
    for (boolean stem : new boolean[] {false, true}) {
      for (int i = 0; i < pairs.size(); i++) {
        for (Rouge kind : KINDS) {
          JsonNode golden = GOLDEN.get("rouge").get(String.valueOf(stem)).get(i);
          JsonNode scores = golden.get(KINDS.indexOf(kind));
          Rouge.Score score = kind.score(pairs.get(i).get(0), pairs.get(i).get(1), stem);
          assertThat(new double[] {score.precision(), score.recall(), score.f1()})
              .as("%s of %s", kind, pairs.get(i))
              .containsExactly(
                  new double[] {
                    scores.get(0).asDouble(), scores.get(1).asDouble(), scores.get(2).asDouble()
                  },
                  within(1e-15));
        }
      }
    }
  }

  @Test
  void rougeTakesTheBestOfSeveralReferences() {
    List<List<String>> pairs = pairs("texts");
    for (int i = 0; i < pairs.size(); i++) {
      for (Rouge kind : KINDS) {
        List<String> references = texts(GOLDEN.get("references").get(i));
        assertThat(kind.best(pairs.get(i).getFirst(), references, true).f1())
            .as("%s of %s", kind, pairs.get(i))
            .isCloseTo(
                GOLDEN.get("rouge_best").get(i).get(KINDS.indexOf(kind)).asDouble(), within(1e-15));
      }
    }
  }

  @Test
  void stemsAreNltks() {
    for (JsonNode row : GOLDEN.get("porter")) {
      assertThat(PorterStemmer.stem(row.get(0).asString()))
          .as(row.get(0).asString())
          .isEqualTo(row.get(1).asString());
    }
  }

  private static double corpus(
      CorpusMetric metric, List<String> predictions, List<List<String>> references) {
    double[][] statistics = new double[predictions.size()][];
    for (int i = 0; i < statistics.length; i++) {
      statistics[i] = metric.statistics(predictions.get(i), references.get(i));
      assertThat(statistics[i]).hasSize(metric.size());
    }
    return metric.score(statistics, IntStream.range(0, statistics.length).toArray());
  }

  @Test
  void scoresOfACorpusAreSacrebleus() {
    Map<String, CorpusMetric> metrics =
        Map.of(
            "bleu", new Bleu(),
            "chrf", new ChrF(0),
            "chrf1", new ChrF(1),
            "chrf2", new ChrF(2),
            "ter", new Ter());
    for (JsonNode corpus : GOLDEN.get("corpora")) {
      List<String> predictions = texts(corpus.get("predictions"));
      List<List<String>> references =
          corpus.get("references").valueStream().map(TextMetricsTest::texts).toList();
      metrics.forEach(
          (name, metric) ->
              assertThat(corpus(metric, predictions, references))
                  .as("%s of %s", name, corpus.get("predictions"))
                  .isCloseTo(corpus.get(name).asDouble(), within(EXACT)));
    }
  }

  @Test
  void whatHasNoReferenceIsRefused() {
    assertThatThrownBy(() -> new SquadF1().score("a", List.of()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Rouge.L.best("a", List.of(), false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ChrF(-1)).isInstanceOf(IllegalArgumentException.class);
  }
}
