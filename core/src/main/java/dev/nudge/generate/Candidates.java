package dev.nudge.generate;

import java.util.Arrays;

/// Candidate tokens with their weights, sorted only as far as needed: the likeliest first, ties by
/// id.
///
/// "The first K", "the first that hold a share" and "the one that a number in [0, mass) points at"
/// are the same question: at which token do the weights, summed in that order, cross a number? Of
/// many tokens the weights are first added up in bins of their logit, and those behind the bin with
/// the crossing are dropped; among the rest a quickselect parts the tokens around one of them, sums
/// one side, and goes on in the side with the crossing. So a vocabulary of n tokens costs some 3 n
/// steps and not n log n.
///
/// Threading: confined to one thread.
final class Candidates {
  /// Logits this far below the largest, in temperatures, are left out: all of them together weigh
  /// less than the last bit of the sum.
  static final double RANGE = -Exponentials.LEAST;

  private static final int BINS = 256;
  private static final int FEW = 1024; // up to which bins are not worth their pass

  private final Exponentials exponentials = new Exponentials();
  private final double[] bins = new double[BINS];
  private int[] ids = {};
  private double[] logits = {};
  private double[] weights = {};
  private int count;
  private double top;
  private double scale; // bins for each unit of a logit

  /// Takes the tokens within `range` of the largest logit, at least the `most` likeliest of them.
  void collect(Logits from, double range, int most) {
    int size = from.size();
    if (ids.length != size) {
      ids = new int[size];
      logits = new double[size];
      weights = new double[size];
    }
    top = from.max();
    scale = BINS / range;
    double least = Math.max(top - range, peak(from, most));
    count = 0;
    for (int block = 0; block < from.blocks(); block++) {
      if (from.peak(block) >= least) {
        collect(from, block * Logits.BLOCK, Math.min(size, (block + 1) * Logits.BLOCK), least);
      }
    }
  }

  private void collect(Logits from, int start, int end, double least) {
    int n = count;
    for (int i = start; i < end; i++) {
      double logit = from.at(i);
      ids[n] = i;
      logits[n] = logit;
      n += logit >= least ? 1 : 0;
    }
    count = n;
  }

  /// A logit that at least `most` tokens reach: the largest of as many blocks do.
  private double peak(Logits from, int most) {
    count = from.blocks();
    if (most >= count) {
      return Double.NEGATIVE_INFINITY;
    }
    for (int block = 0; block < count; block++) {
      ids[block] = block;
      logits[block] = from.peak(block);
    }
    Arrays.fill(weights, 0, count, 1);
    return logits[crossing(most - 0.5)];
  }

  /// Keeps this many of the likeliest.
  void keepLikeliest(int most) {
    if (most < count) {
      Arrays.fill(weights, 0, count, 1);
      count = crossing(most - 0.5) + 1;
    }
  }

  /// Gives each its weight, 1 that of the largest logit.
  void weigh(double temperature) {
    exponentials.of(logits, count, top, temperature, weights);
  }

  double mass() {
    return Exponentials.sum(weights, count);
  }

  /// Keeps the likeliest that weigh this much together; the last of them may go beyond.
  void keepMass(double mass) {
    count = crossing(Math.nextDown(mass)) + 1;
  }

  /// Keeps those of at least this weight.
  void keepAbove(double least) {
    int n = 0;
    for (int i = 0; i < count; i++) {
      if (weights[i] >= least) {
        move(i, n++);
      }
    }
    count = n;
  }

  /// The token at which the weights cross a number. Afterwards others may be gone.
  int at(double mass) {
    return ids[crossing(mass)];
  }

  /// The share of each token of the vocabulary.
  double[] shares(int vocabulary) {
    double[] all = new double[vocabulary];
    double mass = mass();
    for (int i = 0; i < count; i++) {
      all[ids[i]] = weights[i] / mass;
    }
    return all;
  }

  /// Orders until all before one place come before it, and all behind come after it or are dropped:
  /// the first place where the weights up to and with it are above `mass`, else the last place.
  private int crossing(double mass) {
    if (count > FEW) {
      drop(mass);
    }
    int from = 0;
    int to = count;
    double before = 0;
    while (to - from > 1) {
      swap(median(from, from + to >>> 1, to - 1), to - 1);
      double pivot = logits[to - 1];
      int id = ids[to - 1];
      int place = from;
      double sum = before;
      for (int i = from; i < to - 1; i++) {
        if (logits[i] > pivot || logits[i] == pivot && ids[i] < id) {
          sum += weights[i];
          swap(i, place++);
        }
      }
      swap(place, to - 1);
      if (mass < sum) {
        to = place;
      } else if (mass < sum + weights[place]) {
        return place;
      } else {
        before = sum + weights[place];
        from = place + 1;
      }
    }
    return Math.max(0, Math.min(from, to - 1)); // none at all where logits are no numbers
  }

  /// Drops what stands behind the bin in which the weights cross `mass`, and the next one.
  private void drop(double mass) {
    Arrays.fill(bins, 0);
    for (int i = 0; i < count; i++) {
      bins[bin(logits[i])] += weights[i];
    }
    int last = 0;
    double sum = bins[0];
    while (last < BINS - 1 && sum <= mass) {
      sum += bins[++last];
    }
    last++; // the same sum in another order may cross a little later
    int n = 0;
    for (int i = 0; i < count; i++) {
      if (bin(logits[i]) <= last) {
        move(i, n++);
      }
    }
    count = n;
  }

  private int bin(double logit) {
    return (int) Math.min((top - logit) * scale, BINS - 1);
  }

  /// The place of the middle one of three.
  private int median(int a, int b, int c) {
    if (isBefore(a, b)) {
      return isBefore(b, c) ? b : isBefore(a, c) ? c : a;
    }
    return isBefore(a, c) ? a : isBefore(b, c) ? c : b;
  }

  private boolean isBefore(int a, int b) {
    return logits[a] > logits[b] || logits[a] == logits[b] && ids[a] < ids[b];
  }

  private void move(int from, int to) {
    ids[to] = ids[from];
    logits[to] = logits[from];
    weights[to] = weights[from];
  }

  private void swap(int a, int b) {
    int id = ids[a];
    double logit = logits[a];
    double weight = weights[a];
    move(b, a);
    ids[b] = id;
    logits[b] = logit;
    weights[b] = weight;
  }
}
