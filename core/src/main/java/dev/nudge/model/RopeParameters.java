package dev.nudge.model;

/// Says how fast each pair of a head's dimensions turns with the position.
///
/// Pair i of a head of D dimensions turns by position · f(i), with f(i) = theta^(−2i/D) before
/// scaling [1]. Long-context checkpoints slow the pairs down:
///
/// - `Linear`: all by the same factor, which is a division of the positions.
/// - `Llama3`: a pair whose wavelength 2π/f is longer than original/lowFreqFactor by the factor,
///   one shorter than original/highFreqFactor not at all, in between by a blend of both.
///
/// The frequencies are float32 numbers computed as transformers [2] does it, rounded after each
/// operation, since a checkpoint was trained with those: at position 100,000 the last bit of a
/// frequency is worth 0.006 rad. The power is rounded once from double; PyTorch's own is off by
/// one unit in about 1 of 300.
///
/// [1] Su et al., RoFormer, arXiv 2104.09864; [2] `modeling_rope_utils.py`, transformers 5.24
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

  /// Returns the headDim/2 frequencies in radians a position, each a float32 number.
  default double[] inverseFrequencies(int headDim) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      float exponent = (float) (2 * i) / headDim;
      float unscaled = 1f / (float) Math.pow((float) theta(), exponent);
      frequencies[i] =
          switch (this) {
            case Default _ -> unscaled;
            case Linear linear -> unscaled / (float) linear.factor;
            case Llama3 llama3 -> scaled(llama3, unscaled);
          };
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
}
