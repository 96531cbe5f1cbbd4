package dev.nudge.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.metric.Calibration.Bin;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.Aggregation.Kind;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Compares what an evaluation makes of labels, chances and log-probabilities with scikit-learn,
/// HELM's library of calibration and lm-evaluation-harness (`metrics_labels.py`). Sums are added in
/// another order: 1e-12 of scores up to 2.
class LabelMetricsTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/metrics-labels.json"));
  private static final double EXACT = 1e-12;

  private static double[] numbers(JsonNode node) {
    return node.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }

  private static int[] whole(JsonNode node) {
    return node.valueStream().mapToInt(JsonNode::asInt).toArray();
  }

  /// What an evaluation makes of what its documents gave.
  private static double of(Kind kind, List<MetricItem> items) {
    return Aggregation.of(kind, items).all();
  }

  private static List<MetricItem> labels(JsonNode row) {
    int[] gold = whole(row.get("gold"));
    int[] predicted = whole(row.get("predicted"));
    return IntStream.range(0, gold.length)
        .<MetricItem>mapToObj(i -> new MetricItem.Labels(gold[i], predicted[i]))
        .toList();
  }

  @Test
  void labelsAreCountedAsScikitLearnDoes() {
    int apart = 0;
    for (JsonNode row : GOLDEN.get("classification")) {
      for (Map.Entry<String, Kind> kind :
          Map.of(
                  "macro", Kind.MACRO_F1,
                  "micro", Kind.MICRO_F1,
                  "weighted", Kind.WEIGHTED_F1,
                  "mcc", Kind.MCC)
              .entrySet()) {
        assertThat(of(kind.getValue(), labels(row)))
            .as("%s of %s", kind, row)
            .isCloseTo(row.get(kind.getKey()).asDouble(), within(EXACT));
      }
      Set<Double> distinct = new HashSet<>();
      List.of("macro", "micro", "weighted").forEach(key -> distinct.add(row.get(key).asDouble()));
      apart += distinct.size() == 3 ? 1 : 0;
      Classification counted =
          Classification.of(whole(row.get("gold")), whole(row.get("predicted")));
      for (int i = 0; i < row.get("classes").size(); i++) {
        assertThat(counted.f1(row.get("classes").get(i).asInt()))
            .isCloseTo(row.get("each").get(i).asDouble(), within(EXACT));
      }
      assertThat(counted.f1(-1)).isZero();
    }
    assertThat(apart).isGreaterThan(3);
  }

  @Test
  void ofTwoClassesF1IsThatOfTheHarness() {
    JsonNode row = GOLDEN.get("binary");
    assertThat(of(Kind.F1, labels(row))).isCloseTo(row.get("f1").asDouble(), within(EXACT));
    assertThat(of(Kind.MCC, labels(row))).isCloseTo(row.get("mcc").asDouble(), within(EXACT));
  }

  @Test
  void aResampleIsCountedLikeTheItemsItHas() {
    Classification all = Classification.of(new int[] {0, 1, 2, 0}, new int[] {0, 2, 3, 1});
    Classification some = Classification.of(new int[] {0, 2, 2, 2, 0}, new int[] {0, 3, 3, 3, 1});
    Classification resampled = all.resampled(new int[] {1, 0, 3, 1});
    assertThat(resampled.macroF1()).isEqualTo(some.macroF1());
    assertThat(resampled.weightedF1()).isEqualTo(some.weightedF1());
    assertThat(resampled.mcc()).isEqualTo(some.mcc());
    // of 0 two thirds; 1 and 3 have false alarms and no item, 2 is missed: F1 0
    assertThat(resampled.macroF1()).isCloseTo((2 / 3.0) / 4, within(EXACT));
    Classification alone = all.resampled(new int[] {2, 0, 0, 0});
    assertThat(alone.macroF1()).isEqualTo(1);
    assertThat(alone.microF1()).isEqualTo(1);
    Classification none = all.resampled(new int[4]);
    assertThat(none.macroF1()).isZero();
    assertThat(none.microF1()).isZero();
    assertThat(none.weightedF1()).isZero();
    assertThat(none.mcc()).isZero();
  }

  @Test
  void labelsThatDoNotFitAreRefused() {
    assertThatThrownBy(() -> Classification.of(new int[] {1}, new int[0]))
        .hasMessageContaining("1 gold classes and 0 predictions");
    assertThatThrownBy(() -> Classification.of(new int[0], new int[0]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static double[][] probabilities(JsonNode row) {
    return row.get("probabilities")
        .valueStream()
        .map(LabelMetricsTest::numbers)
        .toArray(double[][]::new);
  }

  @Test
  void calibrationIsThatOfHelm() {
    for (JsonNode row : GOLDEN.get("calibration")) {
      double[][] probabilities = probabilities(row);
      int[] gold = whole(row.get("gold"));
      Calibration calibration = Calibration.of(probabilities, gold);
      for (int bins : new int[] {1, 10, 15}) {
        assertThat(calibration.ece(bins))
            .as("%d bins over %d", bins, gold.length)
            .isCloseTo(row.get("width" + bins).asDouble(), within(EXACT));
      }
      List<MetricItem> chances =
          IntStream.range(0, gold.length)
              .<MetricItem>mapToObj(
                  i ->
                      new MetricItem.Chances(
                          gold[i], Arrays.stream(probabilities[i]).boxed().toList()))
              .toList();
      assertThat(of(Kind.BRIER, chances)).isCloseTo(row.get("brier").asDouble(), within(EXACT));
    }
    assertThat(Calibration.brier(List.of(0.5, 0.5), -100)).isEqualTo(0.5);
  }

  @Test
  void binsHoldEveryItemOnce() {
    double[][] probabilities = {
      {0.5, 0.5}, {0.45, 0.55}, {0.45, 0.55}, {0.2, 0.1, 0.15, 0.2, 0.15, 0.2}, {0, 1}, {1, 0}
    };
    Calibration calibration = Calibration.of(probabilities, new int[] {0, 1, 0, 0, 1, 1});
    List<Bin> bins = calibration.bins(10);
    assertThat(bins).hasSize(10);
    assertThat(bins.stream().mapToInt(Bin::items).toArray())
        .containsExactly(0, 1, 0, 0, 1, 2, 0, 0, 0, 2);
    assertThat(bins.get(0)).isEqualTo(new Bin(0, 0.1, 0, 0, 0));
    assertThat(bins.get(1)).isEqualTo(new Bin(0.1, 0.2, 1, 0.2, 1));
    assertThat(bins.get(4)).isEqualTo(new Bin(0.4, 0.5, 1, 0.5, 1)); // the upper end, the first
    assertThat(bins.get(5)).isEqualTo(new Bin(0.5, 0.6, 2, 0.55, 0.5));
    assertThat(bins.getLast()).isEqualTo(new Bin(0.9, 1, 2, 1, 0.5));
  }

  @Test
  void confidencesThatAreNoneAreRefused() {
    assertThatThrownBy(
            () -> Calibration.of(new double[][] {{0.5, 0.5}, {Double.NaN, 0}}, new int[] {0, 0}))
        .hasMessage("the confidence of item 1 is NaN; it must be from 0 to 1");
    assertThatThrownBy(() -> Calibration.of(new double[][] {{1.5}}, new int[] {0}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Calibration.of(new double[0][], new int[0]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Calibration.of(new double[][] {{1}}, new int[] {1}))
        .hasMessage("the gold class of item 0 is 1 of 1");
    Calibration one = Calibration.of(new double[][] {{1}}, new int[] {0});
    assertThatThrownBy(() -> one.bins(0)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void perplexitiesAreTheHarnesss() {
    for (JsonNode row : GOLDEN.get("perplexity")) {
      double[] ll = numbers(row.get("ll"));
      List<MetricItem> words = new ArrayList<>();
      List<MetricItem> bytes = new ArrayList<>();
      List<MetricItem> documents = new ArrayList<>();
      for (int i = 0; i < ll.length; i++) {
        String text = row.get("texts").get(i).asString();
        words.add(new MetricItem.Weighted(ll[i], Perplexity.words(text)));
        bytes.add(new MetricItem.Weighted(ll[i], Perplexity.bytes(text)));
        documents.add(new MetricItem.Value(ll[i]));
      }
      assertThat(of(Kind.WEIGHTED_PERPLEXITY, words))
          .isCloseTo(row.get("word").asDouble(), within(1e-9));
      assertThat(of(Kind.WEIGHTED_PERPLEXITY, bytes))
          .isCloseTo(row.get("byte").asDouble(), within(1e-9));
      assertThat(of(Kind.BITS_PER_BYTE, bytes))
          .isCloseTo(row.get("bits").asDouble(), within(EXACT));
      assertThat(of(Kind.PERPLEXITY, documents) / row.get("documents").asDouble())
          .isCloseTo(1, within(EXACT));
    }
  }
}
