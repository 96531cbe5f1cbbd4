package dev.nudge.model.rope;

import dev.nudge.nn.layer.Rotary;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/// Rotary position embeddings (RoPE): the rotation frequency of each pair of a head's dimensions.
///
/// Of the r dimensions that are rotated, pair i turns by position · f(i), with f(i) = theta^(−2i/r)
/// before scaling [1]. Checkpoints for long contexts lower the frequencies:
///
/// - `Linear`: all frequencies by the same factor, which is the same as dividing the positions.
/// - `Llama3`: a pair whose wavelength 2π/f is longer than original/lowFreqFactor by the factor,
///   one shorter than original/highFreqFactor not at all, in between by a blend of both.
/// - `Dynamic`: theta grows with the length of a sequence that is longer than the context.
/// - `Yarn` [2]: pairs with fewer than betaSlow turns in the original context by the factor, pairs
///   with more than betaFast turns not at all, in between by a blend of both.
/// - `Longrope` [3]: each pair by a factor of its own, from one of two lists: for sequences up to
///   the original context, and for longer ones.
///
/// `Yarn` and `Longrope` also multiply cosines and sines by a factor, at every length.
///
/// The frequencies are float32 numbers computed as transformers [4] does it, rounded after each
/// operation, since a checkpoint was trained with those: at position 100,000 the last bit of a
/// frequency is worth 0.006 rad. The power is rounded once from double; PyTorch's own is off by
/// one unit in about 1 of 300.
///
/// [1] Su et al., RoFormer, arXiv 2104.09864; [2] Peng et al., arXiv 2309.00071; [3] Ding et al.,
/// arXiv 2402.13753; [4] `modeling_rope_utils.py`, transformers 5.24
public sealed interface RopeParameters {
  /// Base of the frequencies.
  double theta();

  record Default(double theta) implements RopeParameters {}

  record Linear(double theta, double factor) implements RopeParameters {}

  /// @param originalMaxPosition the context length before the scaling, in tokens
  record Llama3(
      double theta,
      double factor,
      double lowFreqFactor,
      double highFreqFactor,
      int originalMaxPosition)
      implements RopeParameters {}

  /// @param maxPosition the context length, in tokens
  record Dynamic(double theta, double factor, int maxPosition) implements RopeParameters {}

  /// @param attentionFactor factor of cosines and sines
  /// @param truncate whether the edges of the blend are rounded to whole pairs
  record Yarn(
      double theta,
      double factor,
      double attentionFactor,
      double betaFast,
      double betaSlow,
      int originalMaxPosition,
      boolean truncate)
      implements RopeParameters {}

  /// @param attentionFactor factor of cosines and sines
  record Longrope(
      double theta,
      List<Double> shortFactors,
      List<Double> longFactors,
      double attentionFactor,
      int originalMaxPosition)
      implements RopeParameters {
    public Longrope {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
    }
  }

  /// The width/2 frequencies of a short sequence in radians a position, each rounded to float32.
  ///
  /// @param width dimensions of a head that are rotated
  default double[] inverseFrequencies(int width) {
    return turns(width).frequencies(1);
  }

  /// The frequencies for `width` rotated dimensions of a head.
  default Rotary.Turns turns(int width) {
    return switch (this) {
      case Default _ -> Rotary.constant(each(theta(), width, f -> f));
      case Linear linear ->
          Rotary.constant(each(theta(), width, f -> (float) f / (float) linear.factor));
      case Llama3 llama3 -> Rotary.constant(each(theta(), width, f -> scaled(llama3, (float) f)));
      case Dynamic dynamic -> new ByLength(dynamic, width);
      case Yarn yarn -> new Constant(blended(yarn, width), yarn.attentionFactor);
      case Longrope longrope -> new TwoLists(longrope, width);
    };
  }

  private static double[] each(double theta, int width, DoubleUnaryOperator scaled) {
    double[] frequencies = new double[width / 2];
    for (int i = 0; i < frequencies.length; i++) {
      float exponent = (float) (2 * i) / width;
      frequencies[i] = (float) scaled.applyAsDouble(1f / (float) Math.pow((float) theta, exponent));
    }
    return frequencies;
  }

  private static float scaled(Llama3 rope, float frequency) {
    int original = rope.originalMaxPosition;
    float factor = (float) rope.factor;
    float wavelength = (float) (2 * Math.PI) / frequency;
    if (wavelength > (float) (original / rope.lowFreqFactor)) {
      return frequency / factor;
    }
    if (wavelength < (float) (original / rope.highFreqFactor)) {
      return frequency;
    }
    float low = (float) rope.lowFreqFactor;
    float smooth =
        (original / wavelength - low) / (float) (rope.highFreqFactor - rope.lowFreqFactor);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  }

  private static double[] blended(Yarn rope, int width) {
    double low = pair(rope, width, rope.betaFast);
    double high = pair(rope, width, rope.betaSlow);
    if (rope.truncate) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, width - 1);
    if (low == high) {
      high += 0.001;
    }
    double[] frequencies = each(rope.theta, width, f -> f);
    for (int i = 0; i < frequencies.length; i++) {
      float slowed = (float) Math.clamp((i - low) / (high - low), 0, 1);
      float f = (float) frequencies[i];
      frequencies[i] = f / (float) rope.factor * slowed + f * (1 - slowed);
    }
    return frequencies;
  }

  /// The index, as a real number, of the pair that turns `times` times in the original context.
  private static double pair(Yarn rope, int width, double times) {
    double perTurn = rope.originalMaxPosition / (times * 2 * Math.PI);
    return width * Math.log(perTurn) / (2 * Math.log(rope.theta));
  }

  /// The same frequencies at every length, and a factor of cosines and sines.
  record Constant(double[] list, double attentionFactor) implements Rotary.Turns {
    @Override
    public double[] frequencies(int tokens) {
      return list;
    }

    @Override
    public double factor(int position) {
      return attentionFactor;
    }
  }

  /// Frequencies that depend on the length of each sequence longer than the context (dynamic NTK).
  record ByLength(Dynamic rope, int width) implements Rotary.Turns {
    @Override
    public double[] frequencies(int tokens) {
      double stretch =
          rope.factor * Math.max(tokens, rope.maxPosition) / rope.maxPosition - (rope.factor - 1);
      double theta = rope.theta * Math.pow(stretch, width / (width - 2.0));
      return each(tokens <= rope.maxPosition ? rope.theta : theta, width, f -> f);
    }

    @Override
    public int border() {
      return rope.maxPosition;
    }

    @Override
    public boolean alikeAbove() {
      return false;
    }
  }

  /// One list of frequencies for short sequences, another for long ones.
  record TwoLists(Longrope rope, int width) implements Rotary.Turns {
    @Override
    public double[] frequencies(int tokens) {
      List<Double> factors =
          tokens > rope.originalMaxPosition ? rope.longFactors : rope.shortFactors;
      double[] frequencies = new double[width / 2];
      for (int i = 0; i < frequencies.length; i++) {
        float power = (float) Math.pow((float) rope.theta, (float) (2 * i) / width);
        frequencies[i] = 1f / (factors.get(i).floatValue() * power);
      }
      return frequencies;
    }

    @Override
    public int border() {
      return rope.originalMaxPosition;
    }

    @Override
    public double factor(int position) {
      return rope.attentionFactor;
    }
  }
}
