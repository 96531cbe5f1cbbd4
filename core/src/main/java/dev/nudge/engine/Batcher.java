package dev.nudge.engine;

import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.family.LayerConfig;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Packs examples into batches without padding, and estimates what they cost to compute.
public final class Batcher {
  private Batcher() {}

  /// Returns the cost of a token and of a pair of tokens, in FLOPs of a training step's products.
  public static Packing.Cost cost(CausalLm model) {
    double linear = 0;
    for (LinearSlot slot : model.slots()) {
      Linear l = slot.linear();
      linear += (l.trainedWeight() == null ? 4.0 : 6.0) * l.in() * l.out();
    }
    double pairs = 0;
    for (LayerConfig layer : model.config().layers()) {
      pairs += layer.attention().queryWidth();
    }
    return new Packing.Cost(linear, 7.0 * pairs);
  }

  /// What the loss counts of the sequences of a step, by their places in the step.
  ///
  /// @param answers factor of a sequence's labelled tokens; null: 1
  /// @param texts factor of all its tokens but the first, prompt included, in addition; null: 0
  /// @param starts where the factors of a sequence's labelled tokens begin in `answers`; null: they
  ///     share one
  public record Factors(
      double @Nullable [] answers, double @Nullable [] texts, int @Nullable [] starts) {
    /// Factors of sequences.
    public Factors(double @Nullable [] answers, double @Nullable [] texts) {
      this(answers, texts, null);
    }

    double answer(int place, int labelled) {
      return answers == null ? 1 : answers[starts == null ? place : starts[place] + labelled];
    }

    double text(int place) {
      return texts == null ? 0 : texts[place];
    }
  }

  /// Concatenates the sequences of a micro-batch, without padding.
  ///
  /// @param positions indexes into `rows`; dropout is seeded by them, so it does not depend on how
  ///     a step is split into micro-batches
  /// @param weights loss weight of each sequence, by its index in `rows`; null: 1
  public static Batch batch(
      List<Integer> positions, int[] rows, List<Example> examples, double @Nullable [] weights) {
    return counted(positions, rows, examples, new Factors(weights, null));
  }

  /// The same, where all tokens of some sequences count. Rows are labelled whose token is trained,
  /// or all but the first of a sequence whose text counts.
  public static Batch counted(
      List<Integer> positions, int[] rows, List<Example> examples, Factors loss) {
    return counted(positions, rows, examples, loss, false);
  }

  /// The same.
  ///
  /// @param branches whether a sequence branches off the one before it if their prompts are equal
  ///     ([Branches]); then no text counts
  public static Batch counted(
      List<Integer> positions, int[] rows, List<Example> examples, Factors loss, boolean branches) {
    List<Example> chosen = chosen(positions, rows, examples);
    int[] pasts = branches ? Branches.pasts(chosen) : new int[chosen.size()];
    int[] lengths = new int[pasts.length];
    Arrays.setAll(lengths, k -> chosen.get(k).length() - pasts[k]);
    int tokens = Arrays.stream(lengths).sum();
    int most = chosen.stream().mapToInt(Example::length).sum();
    int[] ids = new int[tokens];
    int[] at = new int[most];
    int[] targets = new int[most];
    double[] factors = new double[most];
    boolean plain = true;
    int begin = 0;
    int trunk = 0;
    int label = 0;
    for (int k = 0; k < pasts.length; k++) {
      Example e = chosen.get(k);
      int position = positions.get(k);
      int past = pasts[k];
      int start = begin - past; // of its own tokens, were there all before them
      trunk = past == 0 ? begin : trunk;
      double text = loss.text(position);
      int labelled = 0;
      for (int i = past; i < e.length(); i++) {
        ids[start + i] = e.id(i);
        if (e.trained(i) || text != 0 && i > 0) {
          at[label] = (i == past ? trunk : start) + i - 1;
          double answer = e.trained(i) ? e.weight(i) * loss.answer(position, labelled++) : 0;
          factors[label] = answer + text;
          plain &= factors[label] == 1;
          targets[label++] = e.id(i);
        }
      }
      begin += lengths[k];
    }
    return new Batch(
        ids,
        lengths,
        keys(positions),
        Arrays.copyOf(at, label),
        Arrays.copyOf(targets, label),
        plain ? null : Arrays.copyOf(factors, label),
        pasts);
  }

  /// Concatenates the sequences of a micro-batch for a model that gives rewards: the last row of
  /// each is labelled.
  ///
  /// @param weights factor of each sequence's reward in the loss, by its index in `rows`; null: 1
  public static Batch lasts(
      List<Integer> positions, int[] rows, List<Example> examples, double @Nullable [] weights) {
    List<Example> chosen = chosen(positions, rows, examples);
    int[] ids = new int[chosen.stream().mapToInt(Example::length).sum()];
    int[] at = new int[chosen.size()];
    double[] factors = new double[at.length];
    int start = 0;
    for (int k = 0; k < at.length; k++) {
      int[] own = chosen.get(k).ids();
      System.arraycopy(own, 0, ids, start, own.length);
      start += own.length;
      at[k] = start - 1;
      factors[k] = weights == null ? 1 : weights[positions.get(k)];
    }
    int[] lengths = chosen.stream().mapToInt(Example::length).toArray();
    return new Batch(ids, lengths, keys(positions), at, new int[at.length], factors);
  }

  private static List<Example> chosen(List<Integer> positions, int[] rows, List<Example> examples) {
    List<Example> chosen = new ArrayList<>();
    positions.forEach(p -> chosen.add(examples.get(rows[p])));
    return chosen;
  }

  private static long[] keys(List<Integer> positions) {
    return positions.stream().mapToLong(Integer::longValue).toArray();
  }
}
