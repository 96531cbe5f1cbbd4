package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Simulates experiments in which nothing differs, looks after every single observation, and counts
/// how many ever say that something does. Seeds are fixed. A test that is looked at so and keeps to
/// 5 % has at most 5 % of them wrong; 1.96 standard errors have far more (the last test).
///
/// [ManyPeekingTest] does the same with 2,000 experiments each.
class PeekingTest {
  private static final double ALPHA = 0.05;
  private static final int FEWEST = 100; // units an arm before the first look, as experiments have

  /// Runs one experiment; true where it was wrong at any look.
  private interface Experiment {
    boolean wrong(SplittableRandom random);
  }

  /// How many experiments a test simulates.
  int experiments() {
    return 300;
  }

  private double share(long seed, Experiment experiment) {
    SplittableRandom seeds = new SplittableRandom(seed);
    int wrong = 0;
    for (int i = 0; i < experiments(); i++) {
      wrong += experiment.wrong(seeds.split()) ? 1 : 0;
    }
    double share = wrong / (double) experiments();
    System.out.printf(Locale.ROOT, "%s %d: %.4f wrong%n", getClass().getSimpleName(), seed, share);
    return share;
  }

  private interface Outcome {
    double next(SplittableRandom random);
  }

  /// Two arms of which arm B gets a share of the units; wrong where 0 is ever left out.
  private static boolean differs(
      SplittableRandom random, int units, double share, double prior, Outcome outcome) {
    NormalMixture mixture = NormalMixture.of(ALPHA, 10 * FEWEST);
    Clusters a = new Clusters();
    Clusters b = new Clusters();
    for (int i = 0; i < units; i++) {
      (random.nextDouble() < share ? b : a).add(outcome.next(random), 1);
      if (Math.min(a.units(), b.units()) >= FEWEST
          && mixture.p(b.ratio(prior).minus(a.ratio(prior))) <= ALPHA) {
        return true;
      }
    }
    return false;
  }

  @Test
  void meansOfScoresKeepToTheirLevel() {
    assertThat(share(1, r -> differs(r, 3000, 0.5, 0.25, SplittableRandom::nextDouble)))
        .isBetween(0.001, ALPHA);
  }

  @Test
  void sharesOfThumbsKeepToTheirLevelAlsoWhereFewAreUp() {
    for (double p : new double[] {0.3, 0.03}) {
      assertThat(share(2, r -> differs(r, 3000, 0.5, 0.25, q -> q.nextDouble() < p ? 1 : 0)))
          .as("rate %s", p)
          .isLessThanOrEqualTo(ALPHA);
    }
  }

  @Test
  void anArmOfOneInTenKeepsToItsLevel() {
    assertThat(share(3, r -> differs(r, 4000, 0.1, 0.25, q -> q.nextDouble() < 0.3 ? 1 : 0)))
        .isLessThanOrEqualTo(ALPHA);
  }

  @Test
  void lengthsWithALongTailKeepToTheirLevel() {
    assertThat(share(4, r -> differs(r, 3000, 0.5, 0, q -> Math.exp(gaussian(q)))))
        .isLessThanOrEqualTo(ALPHA);
  }

  private static double gaussian(SplittableRandom random) {
    return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
        * Math.cos(2 * Math.PI * random.nextDouble());
  }

  /// 300 users, each with its own taste, come back at random: 4,000 answers.
  @Test
  void answersOfTheSameUsersKeepToTheirLevel() {
    assertThat(share(5, PeekingTest::clusteredDiffers)).isLessThanOrEqualTo(ALPHA);
  }

  private static boolean clusteredDiffers(SplittableRandom random) {
    NormalMixture mixture = NormalMixture.of(ALPHA, 10 * FEWEST);
    Clusters[] arms = {new Clusters(), new Clusters()};
    int users = 300;
    double[] taste = random.doubles(users).toArray();
    int[] arm = random.ints(users, 0, 2).toArray();
    double[] scores = new double[users];
    int[] answers = new int[users];
    for (int i = 0; i < 4000; i++) {
      int user = random.nextInt(users);
      int score = random.nextDouble() < taste[user] ? 1 : 0;
      arms[arm[user]].move(scores[user], answers[user], scores[user] + score, answers[user] + 1);
      scores[user] += score;
      answers[user]++;
      if (Math.min(arms[0].units(), arms[1].units()) >= FEWEST
          && mixture.p(arms[1].ratio(0.25).minus(arms[0].ratio(0.25))) <= ALPHA) {
        return true;
      }
    }
    return false;
  }

  /// Three arms against one: any wrong verdict of the three.
  @Test
  void holmKeepsTheWholeFamilyToItsLevel() {
    double family = share(6, r -> anyDiffers(r, true));
    assertThat(family).isLessThanOrEqualTo(ALPHA);
    assertThat(share(6, r -> anyDiffers(r, false))).isGreaterThan(family);
  }

  private static boolean anyDiffers(SplittableRandom random, boolean adjusted) {
    NormalMixture mixture = NormalMixture.of(ALPHA, 10 * FEWEST);
    Clusters[] arms = {new Clusters(), new Clusters(), new Clusters(), new Clusters()};
    for (int i = 0; i < 4000; i++) {
      arms[random.nextInt(4)].add(random.nextDouble() < 0.4 ? 1 : 0, 1);
      if (i < 4 * FEWEST) {
        continue;
      }
      double[] p = new double[3];
      for (int j = 0; j < 3; j++) {
        p[j] = mixture.p(arms[j + 1].ratio(0.25).minus(arms[0].ratio(0.25)));
      }
      for (double value : adjusted ? Holm.adjusted(p) : p) {
        if (value <= ALPHA) {
          return true;
        }
      }
    }
    return false;
  }

  /// From the first case on: this one is exact.
  @Test
  void intervalsOfRatesHoldTheRateAllTheTime() {
    for (double p : new double[] {0.5, 0.05, 0.002}) {
      double missed =
          share(
              7,
              random -> {
                int hits = 0;
                for (int n = 1; n <= 2000; n++) {
                  hits += random.nextDouble() < p ? 1 : 0;
                  if (new BetaMixture(1, 1).logEvidence(hits, n, p) >= -Math.log(ALPHA)) {
                    return true;
                  }
                }
                return false;
              });
      assertThat(missed).as("rate %s", p).isLessThanOrEqualTo(ALPHA);
    }
  }

  /// Guardrails: events fall to B with its share of units, or less often.
  @Test
  void oneSidedEvidenceKeepsToItsLevel() {
    for (double p : new double[] {0.5, 0.45, 0.05}) {
      double threshold = p > 0.4 ? 0.5 : p; // 0.45 is better than its limit
      BetaMixture mixture = BetaMixture.around(threshold, 100);
      double wrong =
          share(
              8,
              random -> {
                int hits = 0;
                for (int n = 1; n <= 2000; n++) {
                  hits += random.nextDouble() < p ? 1 : 0;
                  if (mixture.logEvidenceAbove(hits, n, threshold) >= -Math.log(ALPHA)) {
                    return true;
                  }
                }
                return false;
              });
      assertThat(wrong).as("share %s", p).isLessThanOrEqualTo(ALPHA);
    }
  }

  @Test
  void winsAndLossesKeepToTheirLevel() {
    double wrong =
        share(
            9,
            random -> {
              Wins wins = Wins.NONE;
              for (int i = 0; i < 2000; i++) {
                double u = random.nextDouble();
                wins = wins.plus(u < 0.4 ? WIN : u < 0.8 ? LOSS : TIE);
                if (wins.p() <= ALPHA) {
                  return true;
                }
              }
              return false;
            });
    assertThat(wrong).isBetween(0.001, ALPHA);
  }

  private static final Wins WIN = new Wins(1, 0, 0);
  private static final Wins LOSS = new Wins(0, 1, 0);
  private static final Wins TIE = new Wins(0, 0, 1);

  /// Looks each time a tenth more is there.
  @Test
  void intervalsOfQuantilesHoldTheQuantileAllTheTime() {
    for (double p : new double[] {0.5, 0.95}) {
      double truth = -Math.log(1 - p); // of an exponential distribution
      double missed =
          share(
              10,
              random -> {
                QuantileSketch sketch = new QuantileSketch();
                int next = 5;
                for (int n = 1; n <= 2000; n++) {
                  sketch.add(-Math.log(1 - random.nextDouble()));
                  if (n == next) {
                    next += Math.max(1, next / 10);
                    Interval interval = sketch.interval(p, ALPHA);
                    if (truth < interval.low() || truth > interval.high()) {
                      return true;
                    }
                  }
                }
                return false;
              });
      assertThat(missed).as("quantile %s", p).isLessThanOrEqualTo(ALPHA);
    }
  }

  /// Looked at after every unit, an alarm at 0.1 % is wrong more often than that, and below 5 %.
  @Test
  void sampleRatiosRaiseFewFalseAlarms() {
    double wrong =
        share(
            11,
            random -> {
              long[] counts = new long[2];
              double[] weights = {9, 1};
              for (int n = 0; n < 3000; n++) {
                counts[random.nextDouble() < 0.1 ? 1 : 0]++;
                if (SampleRatio.of(counts, weights).alarm()) {
                  return true;
                }
              }
              return false;
            });
    assertThat(wrong).isLessThanOrEqualTo(ALPHA);
  }

  /// What all this is for: the same looks with a fixed 1.96.
  @Test
  void lookingAllTheTimeAtAFixedTestIsWrongFarMoreOften() {
    double wrong =
        share(
            12,
            random -> {
              Clusters a = new Clusters();
              Clusters b = new Clusters();
              for (int i = 0; i < 3000; i++) {
                (random.nextBoolean() ? b : a).add(random.nextDouble() < 0.3 ? 1 : 0, 1);
                Estimate difference = b.ratio(0.25).minus(a.ratio(0.25));
                if (i >= 2 * FEWEST && Math.abs(difference.value()) > 1.96 * difference.error()) {
                  return true;
                }
              }
              return false;
            });
    assertThat(wrong).isGreaterThan(0.2);
  }
}
