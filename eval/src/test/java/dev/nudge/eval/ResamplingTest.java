package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.eval.Bootstrap.Stratum;
import dev.nudge.eval.metric.Bleu;
import dev.nudge.eval.metric.Classification;
import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Compares with scipy and statsmodels (`statistics_paired.py`).
class ResamplingTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/statistics-paired.json"));

  /// As many as the golden has; the ends of an interval of both then vary by 0.6 % of its width at
  /// most (4 deviations).
  private static final Bootstrap MANY = new Bootstrap(200_000, 1);

  private static final double OF_WIDTH = 0.006;

  private static double at(JsonNode row, int i) {
    return row.get(i).asDouble();
  }

  private static double[] numbers(JsonNode node) {
    return node.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }

  private static int[] whole(JsonNode node) {
    return node.valueStream().mapToInt(JsonNode::asInt).toArray();
  }

  private static Resampled mean(Bootstrap bootstrap, double... values) {
    return bootstrap.mean(values, Bootstrap.alone(values.length));
  }

  private static Resampled difference(Bootstrap bootstrap, double[] first, double[] second) {
    return bootstrap.difference(first, second, Bootstrap.alone(first.length));
  }

  private static void assertScipys(Resampled ours, JsonNode golden) {
    double width = at(golden, 1) - at(golden, 0);
    Interval interval = ours.interval(0.95);
    assertThat(interval.low()).isCloseTo(at(golden, 0), within(OF_WIDTH * width));
    assertThat(interval.high()).isCloseTo(at(golden, 1), within(OF_WIDTH * width));
    assertThat(ours.error()).isCloseTo(at(golden, 2), within(0.008 * at(golden, 2)));
    assertThat(ours.value()).isBetween(interval.low(), interval.high());
  }

  @Test
  void intervalsAreThoseOfScipy() {
    JsonNode mean = GOLDEN.get("bootstrap_mean");
    assertScipys(mean(MANY, numbers(mean.get(0))), mean.get(1));
    JsonNode pair = GOLDEN.get("bootstrap_difference");
    assertScipys(difference(MANY, numbers(pair.get(0)), numbers(pair.get(1))), pair.get(2));
  }

  @Test
  void scoresThatAreAllAlikeKeepTheWidthOfShares() {
    for (int n : List.of(20, 133, 1000)) {
      double[] none = new double[n];
      double[] all = new double[n];
      Arrays.fill(all, 1);
      List<Boolean> right = java.util.Collections.nCopies(n, true);
      List<Boolean> wrong = java.util.Collections.nCopies(n, false);
      for (double confidence : List.of(0.9, 0.95)) {
        Interval same = difference(Bootstrap.STANDARD, all, all).interval(confidence, -1, 1);
        assertSame(same, Paired.of(right, right).interval(confidence));
        Interval gone = difference(Bootstrap.STANDARD, all, none).interval(confidence, -1, 1);
        assertSame(gone, Paired.of(right, wrong).interval(confidence));
        Interval own = mean(Bootstrap.STANDARD, all).interval(confidence, 0, 1);
        assertSame(own, Interval.wilsonAt(n, n, confidence));
      }
    }
    double[] third = new double[30];
    Arrays.fill(third, 1 / 3.0); // sums are rounded in many ways
    assertThat(mean(Bootstrap.STANDARD, third).isAlike()).isTrue();
    third[0] = 1 / 2.0;
    Resampled differs = mean(Bootstrap.STANDARD, third);
    assertThat(differs.isAlike()).isFalse();
    assertThat(differs.interval(0.95, 0, 1)).isEqualTo(differs.interval(0.95));
  }

  private static void assertSame(Interval ours, Interval other) {
    assertThat(ours.low()).isCloseTo(other.low(), within(1e-9));
    assertThat(ours.high()).isCloseTo(other.high(), within(1e-9));
  }

  private static double[][] ratio() {
    JsonNode golden = GOLDEN.get("bootstrap_ratio");
    double[] x = numbers(golden.get(0));
    double[] w = numbers(golden.get(1));
    return IntStream.range(0, x.length)
        .mapToObj(i -> new double[] {x[i], w[i]})
        .toArray(double[][]::new);
  }

  @Test
  void scoresOfSumsAreResampledToo() {
    assertScipys(MANY.corpus(ratio(), s -> s[0] / s[1]), GOLDEN.get("bootstrap_ratio").get(2));
    JsonNode clusters = GOLDEN.get("bootstrap_clusters");
    assertScipys(MANY.corpus(ratio(), whole(clusters.get(0)), s -> s[0] / s[1]), clusters.get(1));
  }

  @Test
  void whatIsNoSumIsResampledByCounts() {
    JsonNode golden = GOLDEN.get("bootstrap_macro");
    Classification all = Classification.of(whole(golden.get(0)), whole(golden.get(1)));
    Stratum items = new Stratum(1, Bootstrap.alone(90), times -> all.resampled(times).macroF1());
    Resampled macro = MANY.strata(List.of(items));
    assertThat(macro.value()).isEqualTo(all.macroF1());
    assertScipys(macro, golden.get(2));
  }

  @Test
  void theTwoWaysOfResamplingDrawAlike() {
    double[][] items = ratio();
    int[] clusters = whole(GOLDEN.get("bootstrap_clusters").get(0));
    Resampled sums = Bootstrap.STANDARD.corpus(items, clusters, s -> s[0] / s[1]);
    Stratum all =
        new Stratum(
            1,
            clusters,
            times -> {
              double x = 0;
              double w = 0;
              for (int i = 0; i < times.length; i++) {
                x += times[i] * items[i][0];
                w += times[i] * items[i][1];
              }
              return x / w;
            });
    Resampled counts = Bootstrap.STANDARD.strata(List.of(all));
    assertThat(counts.interval(0.9)).isEqualTo(sums.interval(0.9));
  }

  private static double[][] statistics(Bleu bleu, List<String> said, List<String> asked) {
    return IntStream.range(0, said.size())
        .mapToObj(i -> bleu.statistics(said.get(i), List.of(asked.get(i))))
        .toArray(double[][]::new);
  }

  @Test
  void theDifferenceOfACorpusIsThatOfItsScores() {
    List<String> before = List.of("a cat sat here now", "the dog runs fast today", "no");
    List<String> after = List.of("the cat sat here now", "the dog runs fast today", "yes no");
    List<String> asked =
        List.of("the cat sat here now", "the dog ran fast today ok", "yes it is so");
    Bleu bleu = new Bleu();
    double[][] first = statistics(bleu, before, asked);
    double[][] second = statistics(bleu, after, asked);
    Resampled difference = Bootstrap.STANDARD.corpusDifference(first, second, bleu::score);
    int[] all = {0, 1, 2};
    assertThat(difference.value())
        .isCloseTo(bleu.score(second, all) - bleu.score(first, all), within(1e-9));
    assertThat(difference.value()).isPositive();
    assertThat(difference.interval(0.98).low()).isNotNegative();
    Resampled none =
        Bootstrap.STANDARD.corpusDifference(second, second, Bootstrap.alone(3), bleu::score);
    assertThat(none.interval(0.95)).isEqualTo(new Interval(0, 0));
    assertThat(none.p()).isOne();
  }

  @Test
  void theSameSeedDrawsTheSame() {
    double[] values = new Random(Seeds.next()).doubles(50).toArray();
    assertThat(mean(new Bootstrap(1000, 7), values).interval(0.95))
        .isEqualTo(mean(new Bootstrap(1000, 7), values).interval(0.95))
        .isNotEqualTo(mean(new Bootstrap(1000, 8), values).interval(0.95));
    int[] far = IntStream.range(0, 50).map(i -> 1000 - 7 * i).toArray(); // clusters of one
    assertThat(new Bootstrap(1000, 7).mean(values, far).interval(0.95))
        .isEqualTo(mean(new Bootstrap(1000, 7), values).interval(0.95));
  }

  @Test
  void itemsThatComeInCopiesAreNoMoreThanOne() {
    double[] once = new Random(Seeds.next()).doubles(40).toArray();
    double[] often = IntStream.range(0, 400).mapToDouble(i -> once[i / 10]).toArray();
    int[] clusters = IntStream.range(0, 400).map(i -> i / 10).toArray();
    double honest = mean(Bootstrap.STANDARD, once).error();
    assertThat(Bootstrap.STANDARD.mean(often, clusters).error()).isCloseTo(honest, within(1e-9));
    assertThat(mean(Bootstrap.STANDARD, often).error()).isLessThan(honest / 2);
    assertThat(clustered(often, clusters).error())
        .isCloseTo(clustered(once, Bootstrap.alone(40)).error(), within(1e-12));
  }

  private static Estimate clustered(double[] values, int[] clusters) {
    Clusters all = new Clusters();
    for (int cluster : IntStream.of(clusters).distinct().toArray()) {
      int[] own = IntStream.range(0, values.length).filter(i -> clusters[i] == cluster).toArray();
      all.add(IntStream.of(own).mapToDouble(i -> values[i]).sum(), own.length);
    }
    return all.ratio(0);
  }

  @Test
  void aResampleHasEachMeanAsOftenAsChanceSays() {
    // of (0, 0, 1) the mean is 0 in 8 of 27 resamples, and 1 in one
    Resampled mean = mean(MANY, 0, 0, 1);
    assertThat(mean.interval(1 - 16 / 27.0 + 0.01).low()).isZero();
    assertThat(mean.interval(1 - 16 / 27.0 - 0.01).low()).isCloseTo(1 / 3.0, within(1e-12));
    assertThat(mean.interval(1 - 2 / 27.0 - 0.004).high()).isCloseTo(2 / 3.0, within(1e-12));
    assertThat(mean.interval(1 - 2 / 27.0 + 0.004).high()).isOne();
    assertThat(mean.p()).isCloseTo(16 / 27.0, within(0.01)); // none is below 0, eight are at it
  }

  @Test
  void pAgreesWithTheInterval() {
    Random random = new Random(Seeds.next());
    int checked = 0;
    while (checked < 20) {
      double shift = random.nextDouble() * 0.06; // of a standard error of 0.026
      double[] first = random.doubles(60).toArray();
      double[] second =
          Arrays.stream(first).map(x -> x + shift + random.nextGaussian() * 0.2).toArray();
      Resampled difference = difference(Bootstrap.STANDARD, first, second);
      double p = difference.p();
      if (p > 0.002 && p < 0.99) { // else an end of the interval is not between two resamples
        Interval narrow = difference.interval(1 - p - 0.001);
        assertThat(narrow.low() > 0 || narrow.high() < 0).isTrue();
        Interval wide = difference.interval(1 - p + 0.001);
        assertThat(0.0).isBetween(wide.low(), wide.high());
        checked++;
      }
    }
  }

  @Test
  void whatCannotBeResampledIsRefused() {
    assertThatThrownBy(() -> new Bootstrap(10, 0)).hasMessageContaining("10 resamples");
    assertThatThrownBy(() -> mean(Bootstrap.STANDARD))
        .hasMessage("nothing can be drawn from no item");
    assertThatThrownBy(() -> difference(Bootstrap.STANDARD, new double[2], new double[3]))
        .hasMessage("2 items of one and 3 of the other are no pairs");
    assertThatThrownBy(() -> mean(Bootstrap.STANDARD, 1, Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the score of the data is no number");
    assertThatThrownBy(() -> Bootstrap.STANDARD.corpus(new double[][] {{0}, {1}}, s -> 0 / s[0]))
        .hasMessage("the score of a resample is no number");
  }

  @Test
  void clusteredErrorsAreThoseOfStatsmodels() {
    for (JsonNode row : GOLDEN.get("clustered")) {
      Estimate mean = clustered(numbers(row.get(0)), whole(row.get(1)));
      assertThat(mean.value()).isCloseTo(at(row, 2), within(1e-12));
      assertThat(mean.error()).isCloseTo(at(row, 3), within(1e-12));
    }
  }

  @Test
  void pairsAreTestedAsByStatsmodels() {
    for (JsonNode row : GOLDEN.get("mcnemar")) {
      int b = row.get(0).asInt();
      int c = row.get(1).asInt();
      Paired paired = new Paired(7, b, c, 9, Paired.p(b, c));
      assertThat(paired.p()).isCloseTo(at(row, 2), within(1e-9));
    }
  }

  /// The golden is good to 1e-8: the likelihood is flat at its top.
  @Test
  void theIntervalOfPairedSharesIsThatOfTheLikelihood() {
    for (JsonNode row : GOLDEN.get("tango")) {
      int b = row.get(0).asInt();
      int c = row.get(1).asInt();
      Paired paired = new Paired(row.get(2).asInt() - b - c, b, c, 0, Paired.p(b, c));
      Interval interval = paired.interval(at(row, 3));
      assertThat(interval.low()).as(row.toString()).isCloseTo(at(row, 4), within(1e-7));
      assertThat(interval.high()).as(row.toString()).isCloseTo(at(row, 5), within(1e-7));
      assertThat(paired.difference()).isBetween(interval.low(), interval.high());
    }
  }

  @Test
  void normalQuantilesAreScipys() {
    for (JsonNode row : GOLDEN.get("normal_quantile")) {
      assertThat(Special.normalQuantile(at(row, 0))).isCloseTo(at(row, 1), within(1e-9));
      assertThat(Special.normalAbove(at(row, 1))).isCloseTo(1 - at(row, 0), within(1e-12));
    }
    assertThatThrownBy(() -> Special.normalQuantile(1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theEffectThatIsSeenTakesAsManyCasesAsTheFormulaSays() {
    for (JsonNode row : GOLDEN.get("cases")) {
      Detectable detectable = new Detectable(at(row, 2), at(row, 3));
      double cases = detectable.cases(at(row, 0), at(row, 1));
      assertThat(cases).isCloseTo(at(row, 4), within(1e-6));
      int enough = (int) Math.ceil(cases);
      assertThat(detectable.gain(at(row, 0), enough)).isLessThanOrEqualTo(at(row, 1));
      if (at(row, 0) > at(row, 1)) { // one case fewer, and the gain must be larger
        assertThat(detectable.gain(at(row, 0), enough - 1)).isGreaterThan(at(row, 1));
      }
    }
    assertThat(Detectable.USUAL.gain(0.1, 5)).isNaN();
    assertThat(Detectable.USUAL.gain(0, 1000)).isNaN();
    assertThatThrownBy(() -> Detectable.USUAL.cases(0.1, 0.2)).hasMessageContaining("at most");
    assertThatThrownBy(() -> new Detectable(0, 0.8)).isInstanceOf(IllegalArgumentException.class);
  }

  /// statsmodels counts the chance of the other side too: a millionth.
  @Test
  void theDifferenceThatIsSeenIsThatOfStatsmodels() {
    for (JsonNode row : GOLDEN.get("difference")) {
      assertThat(Detectable.USUAL.difference(1 / Math.sqrt(at(row, 0))))
          .isCloseTo(at(row, 1), within(2e-6));
    }
  }

  @Test
  void lossesThatAreAllAlikeKeepAWidth() {
    Resampled alike = difference(Bootstrap.STANDARD, new double[200], new double[200]);
    assertThat(alike.isAlike()).isTrue();
    Interval known = alike.interval(0.9, -1, 1);
    // as of 200 pairs of right answers of which none differs
    Interval tango = new Paired(100, 0, 0, 100, 1).interval(0.9);
    assertThat(known.low()).isCloseTo(tango.low(), within(1e-9)).isLessThan(-0.01);
    assertThat(known.high()).isCloseTo(tango.high(), within(1e-9));
  }

  @Test
  void tenThousandResamplesOfACorpus() {
    double[][] statistics = new double[2000][20];
    Random random = new Random(Seeds.next());
    for (double[] item : statistics) {
      Arrays.setAll(item, i -> random.nextInt(20));
    }
    Resampled score = Bootstrap.STANDARD.corpus(statistics, s -> s[0] / s[1]);
    assertThat(score.value()).isBetween(0.8, 1.2);
  }
}
