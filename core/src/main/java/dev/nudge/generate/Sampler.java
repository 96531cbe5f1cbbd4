package dev.nudge.generate;

import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Tensor;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Chooses the next token from a row of logits.
///
/// In the order of vLLM and transformers: barred tokens (all but `allowed`; end tokens before
/// `minTokens`), logit bias, repetition penalty (logits of tokens in the sequence are divided by it
/// if positive, else multiplied), presence and frequency penalties. With a temperature above 0 the
/// logits are then divided by it, cut to the `topK` largest, to the smallest set that holds `topP`
/// of the probability, and to those with at least `minP` of the largest probability. A number in
/// [0, 1) selects one of the rest, laid side by side, the likeliest first and ties by id.
///
/// That number comes from a counter-based generator of seed, sequence and place, so a sequence's
/// text does not depend on its batch. Nothing is sorted ([Candidates]). After the first token
/// nothing is allocated but `logprobs`.
///
/// Threading: confined to one thread.
final class Sampler {
  private final SamplingSettings settings;
  private final IntPredicate isEnd;
  private final Logits logits;
  private final Candidates candidates;
  private final int[] biased; // ids
  private final double[] biases;
  private int[] ends = {};
  private double[] barred = {}; // room for a logit of each
  private int vocabulary;
  private @Nullable Logprobs thought;

  /// What samplers of one thread may share: numbers of a vocabulary that stay for one call only.
  record Room(Logits logits, Candidates candidates) {
    Room() {
      this(new Logits(), new Candidates());
    }
  }

  /// @param isEnd the end tokens of model and tokenizer, which `minTokens` holds back
  Sampler(SamplingSettings settings, IntPredicate isEnd, Room room) {
    Map<Integer, Double> given = settings.biases();
    this.settings = settings;
    this.isEnd = isEnd.or(settings.stopIds()::contains);
    this.logits = room.logits;
    this.candidates = room.candidates;
    this.biased = given.keySet().stream().mapToInt(i -> i).toArray();
    this.biases = given.values().stream().mapToDouble(v -> v).toArray();
  }

  /// The number of a sequence, for its draws: that of the prompt where it is the first completion,
  /// and for the others one that no prompt has.
  static long sequence(long prompt, int choice) {
    return prompt + ((long) choice << 32);
  }

  /// Chooses where settings do not ask what of `history` is the prompt; all of it counts as the
  /// completion.
  int next(Tensor rows, int row, int[] history, int count, long sequence) {
    return next(rows, row, history, 0, count, sequence, null);
  }

  /// @param rows logits (sequences, vocabulary)
  /// @param row which sequence's
  /// @param history all tokens of the sequence so far
  /// @param prompt how many of them are the prompt's
  /// @param count how many of `history` are filled
  /// @param sequence number of the sequence, for its draws
  /// @param allowed a bit for each token that may come, the first the lowest of the first; null:
  /// all
  int next(
      Tensor rows,
      int row,
      int[] history,
      int prompt,
      int count,
      long sequence,
      long @Nullable [] allowed) {
    read(rows, row, history, prompt, count, allowed);
    int id = settings.temperature() == 0 ? logits.argmax() : draw(uniform(sequence, count));
    Logprobs all = thought;
    thought = all == null ? null : all.choose(rows.get(row, id), id);
    return id;
  }

  /// What the model itself thought of the token that came last: its log-probability before bias,
  /// penalties, temperature and all else that chose it, as `score` gives it. Null where the
  /// settings do not ask.
  @Nullable Logprobs logprobs() {
    return thought;
  }

  /// What the model thinks of a token, whoever chose it.
  Logprobs thought(Tensor rows, int row, int id) {
    logits.read(rows, row);
    return Logprobs.of(logits, settings.topLogprobs()).choose(rows.get(row, id), id);
  }

  /// Returns what each token is drawn with, likewise; for tests.
  double[] probabilities(Tensor rows, int row, int[] history, int count) {
    read(rows, row, history, 0, count, null);
    filter();
    return candidates.shares(rows.cols());
  }

  private void read(
      Tensor rows, int row, int[] history, int prompt, int count, long @Nullable [] allowed) {
    if (vocabulary != rows.cols()) {
      meet(rows.cols());
    }
    logits.read(rows, row);
    thought = settings.logprobs() ? Logprobs.of(logits, settings.topLogprobs()) : null;
    if (allowed != null) {
      logits.keep(allowed);
    }
    if (count - prompt < settings.minTokens()) {
      logits.bar(ends, barred);
    }
    logits.add(biased, biases);
    logits.penalise(settings, history, prompt, count);
  }

  /// Looks once at the tokens that there are.
  ///
  /// @throws dev.nudge.settings.InputException where a setting names another one
  private void meet(int tokens) {
    settings.checkTokens(tokens);
    vocabulary = tokens;
    if (settings.minTokens() > 0) {
      ends = IntStream.range(0, tokens).filter(isEnd).toArray();
      barred = new double[ends.length];
    }
  }

  private int draw(double u) {
    filter();
    return candidates.at(u * candidates.mass());
  }

  /// Leaves in `candidates` what may be drawn.
  private void filter() {
    double temperature = settings.temperature();
    double range = Candidates.RANGE;
    if (settings.topP() == 1 && settings.minP() > 0) {
      range = Math.min(range, 1e-9 - Math.log(settings.minP())); // a little more than may stay
    }
    int most = settings.topK() > 0 ? settings.topK() : Integer.MAX_VALUE;
    candidates.collect(logits, range * temperature, most);
    candidates.keepLikeliest(most);
    candidates.weigh(temperature);
    if (settings.topP() < 1) {
      candidates.keepMass(settings.topP() * candidates.mass());
    }
    if (settings.minP() > 0) {
      candidates.keepAbove(settings.minP());
    }
  }

  /// A number in [0, 1) from seed, sequence and place.
  private double uniform(long sequence, int place) {
    long z = mix(settings.seed() + 0x9E3779B97F4A7C15L);
    z = mix(z + sequence * 0x9E3779B97F4A7C15L + 1);
    z = mix(z + place * 0x9E3779B97F4A7C15L + 1);
    return (z >>> 11) * 0x1.0p-53;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
