package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.eval.BetaMixture;
import dev.nudge.eval.Clusters;
import dev.nudge.eval.NormalMixture;
import dev.nudge.eval.Wins;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/// Simulates experiments whose arms differ, tests after every unit, and prints the share that
/// detects the difference and the median number of units until then. The first row of each kind has
/// no difference: its share is the false-alarm rate.
public final class Power {
  private static final double ALPHA = 0.05;
  private static final int FEWEST = 100; // units an arm before a mean is tested

  private final int experiments;
  private final int units;

  private Power(int experiments, int units) {
    this.experiments = experiments;
    this.units = units;
  }

  public static void main(String[] args) {
    BenchFlags flags = BenchFlags.parse("bench/power", args, "--experiments 1000 --units 10000");
    Power power = new Power(flags.atLeast(1, "experiments"), flags.atLeast(1, "units"));
    System.out.println("| arms | seen | in half of them by |");
    System.out.println("|---|---|---|");
    for (double more : new double[] {0, 0.03, 0.05, 0.1, 0.2}) {
      power.row(
          "thumbs up 50 %% and %.0f %%".formatted(50 + 100 * more),
          random -> power.rates(random, 0.5, 0.5, 0.5 + more));
    }
    power.row(
        "the same, 50 % and 60 %, B with 1 unit in 10",
        random -> power.rates(random, 0.1, 0.5, 0.6));
    for (double times : new double[] {1, 1.1, 1.25}) {
      power.row(
          "length, %.2f times as long, deviation as large as the mean".formatted(times),
          random -> power.lengths(random, times));
    }
    for (double share : new double[] {0.5, 0.55, 0.6, 0.7}) {
      power.row(
          "preferred in %.0f %% of pairs, a pair a unit".formatted(100 * share),
          random -> power.wins(random, share));
    }
    for (double times : new double[] {1.25, 2, 3, 5}) {
      power.row(
          "errors of 2 %% and %.1f %%, 1.25 times tolerated".formatted(2 * times),
          random -> power.errors(random, 0.02, 0.02 * times));
    }
  }

  /// One experiment: the units until its decision; undecided: the largest int.
  private interface Experiment {
    int decidedAt(SplittableRandom random);
  }

  private void row(String what, Experiment experiment) {
    SplittableRandom seeds = new SplittableRandom(what.hashCode());
    int[] at = new int[experiments];
    for (int i = 0; i < experiments; i++) {
      at[i] = experiment.decidedAt(seeds.split());
    }
    int[] seen = Arrays.stream(at).filter(n -> n < Integer.MAX_VALUE).sorted().toArray();
    System.out.printf(
        Locale.ROOT,
        "| %s | %.1f %% | %s |%n",
        what,
        100.0 * seen.length / experiments,
        seen.length == 0 ? "–" : "%,d units".formatted(seen[seen.length / 2]));
  }

  private int rates(SplittableRandom random, double share, double a, double b) {
    return means(random, share, 0.25, second -> random.nextDouble() < (second ? b : a) ? 1 : 0);
  }

  private int lengths(SplittableRandom random, double times) {
    return means(
        random, 0.5, 0, second -> -Math.log(1 - random.nextDouble()) * (second ? times : 1));
  }

  private interface Outcome {
    double of(boolean second);
  }

  private int means(SplittableRandom random, double share, double prior, Outcome outcome) {
    NormalMixture mixture = NormalMixture.of(ALPHA, 10 * FEWEST);
    Clusters first = new Clusters();
    Clusters second = new Clusters();
    for (int n = 1; n <= units; n++) {
      boolean other = random.nextDouble() < share;
      (other ? second : first).add(outcome.of(other), 1);
      if (Math.min(first.units(), second.units()) >= FEWEST
          && mixture.p(second.ratio(prior).minus(first.ratio(prior))) <= ALPHA) {
        return n;
      }
    }
    return Integer.MAX_VALUE;
  }

  private int wins(SplittableRandom random, double share) {
    Wins wins = Wins.NONE;
    for (int n = 1; n <= units; n++) {
      wins = wins.plus(random.nextDouble() < share ? new Wins(1, 0, 0) : new Wins(0, 1, 0));
      if (wins.p() <= ALPHA) {
        return n;
      }
    }
    return Integer.MAX_VALUE;
  }

  private int errors(SplittableRandom random, double a, double b) {
    double share = 1.25 / 2.25;
    BetaMixture mixture = BetaMixture.around(share, 100);
    int events = 0;
    int ofSecond = 0;
    for (int n = 1; n <= units; n++) {
      boolean second = random.nextBoolean();
      if (random.nextDouble() < (second ? b : a)) {
        events++;
        ofSecond += second ? 1 : 0;
        if (BetaMixture.p(mixture.logEvidenceAbove(ofSecond, events, share)) <= ALPHA) {
          return n;
        }
      }
    }
    return Integer.MAX_VALUE;
  }
}
