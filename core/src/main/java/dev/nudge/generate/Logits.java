package dev.nudge.generate;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The logits of one token, copied out of their tensor, to which penalties and filters apply before
/// sampling. A barred token has -∞.
///
/// Threading: confined to one thread.
final class Logits {
  /// Tokens whose largest logit is known, so that others can be passed by.
  static final int BLOCK = 128;

  private final Exponentials exponentials = new Exponentials();
  private float[] raw = {};
  private double[] values = {};
  private double[] peaks = {};
  private double[] weights = {}; // exponentials
  private int[] counts = {}; // of each token in a history; zero between calls

  /// Copies a row.
  void read(Tensor rows, int row) {
    int vocabulary = rows.cols();
    if (values.length != vocabulary) {
      values = new double[vocabulary];
      peaks = new double[Math.ceilDiv(vocabulary, BLOCK)];
      raw = new float[vocabulary];
      counts = new int[vocabulary];
    }
    if (rows.dtype() == Dtype.F32 && rows.stride(1) == 1) {
      long at = row * rows.rowStride() * Float.BYTES;
      MemorySegment.copy(rows.data(), JAVA_FLOAT_UNALIGNED, at, raw, 0, vocabulary);
      widen(raw, values);
    } else {
      for (int i = 0; i < vocabulary; i++) {
        values[i] = rows.get(row, i);
      }
    }
  }

  private static void widen(float[] from, double[] to) {
    for (int i = 0; i < to.length; i++) {
      to[i] = from[i];
    }
  }

  int size() {
    return values.length;
  }

  double at(int id) {
    return values[id];
  }

  /// All of them, until the next row is read.
  double[] all() {
    return values;
  }

  /// The largest; the peaks are those of the row as it is now.
  ///
  /// @throws RunException where a logit is not a number
  double max() {
    double most = Double.NEGATIVE_INFINITY;
    for (int b = 0; b < peaks.length; b++) {
      peaks[b] = max(values, b * BLOCK, Math.min(values.length, (b + 1) * BLOCK));
      most = Math.max(most, peaks[b]);
    }
    if (Double.isNaN(most)) {
      throw new RunException(
          "the logits are NaN: the model's weights or its adapter diverged in training, or are"
              + " damaged; take an earlier adapter, or try --compute fp32");
    }
    return most;
  }

  private static double max(double[] values, int from, int to) {
    double most = Double.NEGATIVE_INFINITY;
    for (int i = from; i < to; i++) {
      most = Math.max(most, values[i]);
    }
    return most;
  }

  /// The logarithm of the sum of all exponentials: a logit less this is a log-probability.
  double normaliser() {
    double most = max();
    if (weights.length != values.length) {
      weights = new double[values.length];
    }
    exponentials.of(values, values.length, most, 1, weights);
    return most + Math.log(Exponentials.sum(weights, values.length));
  }

  int blocks() {
    return peaks.length;
  }

  /// The largest of a block, as of the latest [#max].
  double peak(int block) {
    return peaks[block];
  }

  /// The first of the largest.
  int argmax() {
    double most = max();
    int block = 0;
    while (block < peaks.length && peaks[block] != most) {
      block++;
    }
    for (int i = block * BLOCK; i < values.length; i++) {
      if (values[i] == most) {
        return i;
      }
    }
    throw new IllegalStateException("no logit is the largest");
  }

  /// Bars all tokens but some.
  ///
  /// @param allowed a bit for each token that may come
  void keep(long[] allowed) {
    boolean any = false;
    for (int from = 0; from < values.length; from += Long.SIZE) {
      int word = from / Long.SIZE;
      long may = word < allowed.length ? allowed[word] : 0;
      int to = Math.min(values.length, from + Long.SIZE);
      if (may == 0) {
        Arrays.fill(values, from, to, Double.NEGATIVE_INFINITY);
      } else if (may != -1) {
        for (int i = from; i < to; i++) {
          values[i] = (may >>> i & 1) == 0 ? Double.NEGATIVE_INFINITY : values[i];
          any |= (may >>> i & 1) != 0;
        }
      } else {
        any = true;
      }
    }
    if (!any) {
      throw new IllegalArgumentException("no token is allowed");
    }
  }

  /// Bars tokens, where anything else may come.
  ///
  /// @param room for a number of each of them
  void bar(int[] ids, double[] room) {
    for (int i = 0; i < ids.length; i++) {
      room[i] = values[ids[i]];
      values[ids[i]] = Double.NEGATIVE_INFINITY;
    }
    if (max() == Double.NEGATIVE_INFINITY) {
      for (int i = 0; i < ids.length; i++) {
        values[ids[i]] = room[i];
      }
    }
  }

  void add(int[] ids, double[] biases) {
    for (int i = 0; i < ids.length; i++) {
      values[ids[i]] += biases[i];
    }
  }

  /// Makes tokens less likely that are there already: `repetitionPenalty` those of the history,
  /// presence and frequency those of the completion.
  void penalise(SamplingSettings settings, int[] history, int prompt, int count) {
    double repetition = settings.repetitionPenalty();
    if (repetition != 1) {
      for (int i = 0; i < count; i++) {
        int id = history[i];
        if (counts[id]++ == 0) {
          values[id] = values[id] > 0 ? values[id] / repetition : values[id] * repetition;
        }
      }
      forget(history, 0, count);
    }
    double presence = settings.presencePenalty();
    double frequency = settings.frequencyPenalty();
    if (presence != 0 || frequency != 0) {
      for (int i = prompt; i < count; i++) {
        values[history[i]] -= counts[history[i]]++ == 0 ? presence + frequency : frequency;
      }
      forget(history, prompt, count);
    }
  }

  private void forget(int[] history, int from, int to) {
    for (int i = from; i < to; i++) {
      counts[history[i]] = 0;
    }
  }
}
