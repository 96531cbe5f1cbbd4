package dev.nudge.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.metric.Calibration.Bin;
import dev.nudge.eval.metric.Calibration.Binning;
import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Compares with scikit-learn, HELM's library of calibration and lm-evaluation-harness
/// (`metrics_labels.py`). Sums are added in another order: 1e-12 of scores up to 2.
class LabelMetricsTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/metrics-labels.json"));
  private static final double EXACT = 1e-12;

  private static List<String> texts(JsonNode node) {
    return node.valueStream().map(JsonNode::asString).toList();
  }

  private static double[] numbers(JsonNode node) {
    return node.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }

  @Test
  void labelsAreCountedAsScikitLearnDoes() {
    for (JsonNode row : GOLDEN.get("classification")) {
      List<String> labels = texts(row.get("labels"));
      Classification counted =
          Classification.of(labels, texts(row.get("gold")), texts(row.get("predicted")));
      assertThat(counted.accuracy()).isCloseTo(row.get("accuracy").asDouble(), within(EXACT));
      assertThat(counted.macroF1()).isCloseTo(row.get("macro").asDouble(), within(EXACT));
      assertThat(counted.microF1()).isCloseTo(row.get("micro").asDouble(), within(EXACT));
      assertThat(counted.weightedF1()).isCloseTo(row.get("weighted").asDouble(), within(EXACT));
      assertThat(counted.mcc())
          .as(row.toString())
          .isCloseTo(row.get("mcc").asDouble(), within(EXACT));
      for (int i = 0; i < labels.size(); i++) {
        assertThat(counted.f1(labels.get(i)))
            .isCloseTo(row.get("each").get(i).asDouble(), within(EXACT));
        assertThat(counted.confusion()[i])
            .containsExactly(
                row.get("confusion").get(i).valueStream().mapToLong(JsonNode::asLong).toArray());
      }
    }
  }

  @Test
  void ofTwoClassesF1IsThatOfTheHarness() {
    JsonNode row = GOLDEN.get("binary");
    Classification counted =
        Classification.of(List.of("0", "1"), texts(row.get("gold")), texts(row.get("predicted")));
    assertThat(counted.f1("1")).isCloseTo(row.get("f1").asDouble(), within(EXACT));
    assertThat(counted.mcc()).isCloseTo(row.get("mcc").asDouble(), within(EXACT));
  }

  @Test
  void aResampleIsCountedLikeTheItemsItHas() {
    List<String> labels = List.of("a", "b", "c");
    Classification all =
        Classification.of(labels, List.of("a", "b", "c", "a"), List.of("a", "c", "?", "b"));
    Classification some =
        Classification.of(
            labels, List.of("a", "c", "c", "c", "a"), List.of("a", "?", "?", "?", "b"));
    Classification resampled = all.resampled(new int[] {1, 0, 3, 1});
    assertThat(resampled.confusion()).isDeepEqualTo(some.confusion());
    assertThat(resampled.macroF1()).isEqualTo(some.macroF1());
    // b has a false alarm and no item: F1 0; of a 2/3; of c 0
    assertThat(resampled.macroF1OfPresent()).isCloseTo((2 / 3.0) / 3, within(EXACT));
    Classification alone = all.resampled(new int[] {2, 0, 0, 0});
    assertThat(alone.macroF1OfPresent()).isEqualTo(1);
    assertThat(alone.macroF1()).isCloseTo(1 / 3.0, within(EXACT));
    assertThat(all.resampled(new int[4]).macroF1OfPresent()).isZero();
    assertThat(all.resampled(new int[4]).mcc()).isZero();
  }

  @Test
  void labelsThatDoNotFitAreRefused() {
    List<String> labels = List.of("a", "b");
    assertThatThrownBy(() -> Classification.of(labels, List.of("c"), List.of("a")))
        .hasMessage("the gold label 'c' of item 0 is none of [a, b]");
    assertThatThrownBy(() -> Classification.of(labels, List.of("a"), List.of()))
        .hasMessageContaining("1 gold labels and 0 predictions");
    assertThatThrownBy(() -> Classification.of(labels, List.of(), List.of()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Classification.of(List.of("a", "a"), List.of("a"), List.of("a")))
        .hasMessage("the label 'a' is given twice");
    assertThatThrownBy(() -> Classification.of(labels, List.of("a"), List.of("a")).f1("z"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static double[][] probabilities(JsonNode row) {
    return row.get("probabilities")
        .valueStream()
        .map(LabelMetricsTest::numbers)
        .toArray(double[][]::new);
  }

  private static int[] gold(JsonNode row) {
    return row.get("gold").valueStream().mapToInt(JsonNode::asInt).toArray();
  }

  @Test
  void calibrationIsThatOfHelm() {
    for (JsonNode row : GOLDEN.get("calibration")) {
      Calibration calibration = Calibration.of(probabilities(row), gold(row));
      assertThat(Calibration.brier(probabilities(row), gold(row)))
          .isCloseTo(row.get("brier").asDouble(), within(EXACT));
      for (int bins : new int[] {1, 10, 15}) {
        assertThat(calibration.ece(Binning.EQUAL_WIDTH, bins))
            .as("%d bins of equal width over %d", bins, row.get("gold").size())
            .isCloseTo(row.get("width" + bins).asDouble(), within(EXACT));
        assertThat(calibration.ece(Binning.EQUAL_MASS, bins))
            .as("%d bins of equal mass over %d", bins, row.get("gold").size())
            .isCloseTo(row.get("mass" + bins).asDouble(), within(EXACT));
      }
      if (row.has("area")) {
        assertThat(calibration.selectiveArea())
            .isCloseTo(row.get("area").asDouble(), within(EXACT));
        for (JsonNode point : row.get("selective")) {
          assertThat(calibration.selectiveAccuracy(point.get(0).asDouble()))
              .isCloseTo(point.get(1).asDouble(), within(EXACT));
        }
      }
    }
  }

  @Test
  void binsHoldEveryItemOnce() {
    Calibration calibration =
        Calibration.of(
            new double[] {0, 0.1, 0.1, 0.55, 1, 1},
            new boolean[] {false, true, false, true, true, false});
    List<Bin> bins = calibration.bins(Binning.EQUAL_WIDTH, 10);
    assertThat(bins).hasSize(10);
    assertThat(bins.stream().mapToInt(Bin::items).toArray())
        .containsExactly(3, 0, 0, 0, 0, 1, 0, 0, 0, 2);
    assertThat(bins.getFirst().accuracy()).isCloseTo(1 / 3.0, within(EXACT));
    assertThat(bins.getFirst().low()).isZero();
    assertThat(bins.get(1)).isEqualTo(new Bin(0.1, 0.2, 0, 0, 0));
    assertThat(bins.getLast().confidence()).isEqualTo(1);
    assertThat(calibration.bins(Binning.EQUAL_MASS, 3).stream().mapToInt(Bin::items).sum())
        .isEqualTo(6);
  }

  @Test
  void answersThatAreEquallyConfidentCountByTheirMean() {
    double[] alike = new double[10];
    Arrays.fill(alike, 0.5);
    boolean[] right = new boolean[10];
    right[9] = right[3] = true;
    Calibration calibration = Calibration.of(alike, right);
    for (int n : IntStream.rangeClosed(1, 10).toArray()) {
      assertThat(calibration.selectiveAccuracy(n / 10.0)).isCloseTo(0.2, within(EXACT));
    }
  }

  @Test
  void confidencesThatAreNoneAreRefused() {
    assertThatThrownBy(
            () -> Calibration.of(new double[] {0.5, Double.NaN}, new boolean[] {true, true}))
        .hasMessage("the confidence of item 1 is NaN; it must be from 0 to 1");
    assertThatThrownBy(() -> Calibration.of(new double[] {1.5}, new boolean[] {true}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Calibration.of(new double[0], new boolean[0]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Calibration.brier(new double[][] {{1}}, new int[] {1}))
        .hasMessage("the gold class of item 0 is 1 of 1");
    Calibration one = Calibration.of(new double[] {1}, new boolean[] {true});
    assertThatThrownBy(() -> one.selectiveAccuracy(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> one.bins(Binning.EQUAL_MASS, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void perplexitiesAreTheHarnesss() {
    for (JsonNode row : GOLDEN.get("perplexity")) {
      List<String> texts = texts(row.get("texts"));
      double[] ll = numbers(row.get("ll"));
      Perplexity sum = Perplexity.NONE;
      for (int i = 0; i < ll.length; i++) {
        sum = sum.plus(Perplexity.of(ll[i], texts.get(i)));
      }
      assertThat(sum.word()).isCloseTo(row.get("word").asDouble(), within(1e-9));
      assertThat(sum.aByte()).isCloseTo(row.get("byte").asDouble(), within(1e-9));
      assertThat(sum.bitsAByte()).isCloseTo(row.get("bits").asDouble(), within(EXACT));
      double documents = row.get("documents").asDouble();
      assertThat(Perplexity.ofDocuments(Arrays.stream(ll).boxed().toList()) / documents)
          .isCloseTo(1, within(EXACT));
    }
    assertThat(Perplexity.NONE.bitsAByte()).isNaN();
  }
}
