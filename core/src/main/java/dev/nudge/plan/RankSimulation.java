package dev.nudge.plan;

import java.util.Arrays;
import java.util.SplittableRandom;

/// Plays a run of many ranks: each step takes as long as the slowest of them, and losses come at
/// random. What it finds is what the laws of [RankPace] and [RankLosses] say together, without
/// their approximations.
final class RankSimulation {
  private static final int SLOWEST = 400; // of steps that are drawn rank by rank
  static final int DRAWN = 8_000_000; // numbers for that, at most
  private static final int PLAYED = 1_000_000; // steps and starts

  private RankSimulation() {}

  /// The share of its time that a rank computes what counts.
  ///
  /// @param pace of which computing was measured
  static double efficiency(RankPace pace, double computing, RankLosses losses, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] slowest = slowest(pace.ranks(), random);
    double exchange = pace.exchange();
    double now = 0; // seconds
    double lost = gap(losses, random); // when the next machine is
    double saved = 0; // when the newest checkpoint was
    int kept = 0; // steps
    int made = 0;
    boolean starts = false;
    for (int i = 0; i < PLAYED; i++) {
      double step = computing + exchange;
      step += computing * RankPace.SPREAD * slowest[random.nextInt(slowest.length)];
      double next = now + (starts ? RankLosses.RESTART : step);
      if (next >= lost) { // what was made behind the checkpoint is made again
        made = kept;
        now = lost;
        lost += gap(losses, random);
        starts = true;
        continue;
      }
      now = next;
      if (starts) {
        saved = now;
        starts = false;
        continue;
      }
      made++;
      if (now - saved >= RankLosses.INTERVAL) {
        saved = now;
        kept = made;
      }
    }
    return made * computing / now;
  }

  private static double gap(RankLosses losses, SplittableRandom random) {
    return -losses.secondsBetween() * Math.log(1 - random.nextDouble());
  }

  /// How many standard deviations the slowest rank is above the mean, in many steps. Of more ranks
  /// than may be drawn it is that of so many: a hundred times as many are one deviation slower.
  static double[] slowest(int ranks, SplittableRandom random) {
    double[] slowest = new double[Math.clamp(DRAWN / ranks, 1, SLOWEST)];
    Arrays.setAll(slowest, _ -> most(Math.min(ranks, DRAWN), random));
    return slowest;
  }

  private static double most(int ranks, SplittableRandom random) {
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < ranks; i++) {
      most = Math.max(most, random.nextGaussian());
    }
    return most;
  }
}
