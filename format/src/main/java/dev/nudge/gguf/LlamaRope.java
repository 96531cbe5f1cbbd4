package dev.nudge.gguf;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Recovers Llama 3's RoPE settings from the factors that a GGUF file stores instead.
///
/// Pair i has wavelength w = 2π·base^(2i/r). Its factor is 1 for w below original/4, F for w above
/// original, and 1/((1 − s)/F + s) in between, with s = (original/w − 1)/3. The published models
/// have these bounds, and an original context of a power of two. Other factors are kept unchanged,
/// as longrope with one list.
final class LlamaRope {
  private static final double LOW = 1;
  private static final double HIGH = 4;
  private static final double NEAR = 1e-5; // relative; factors are computed in fp32
  private static final int MOST_BITS = 20;
  private static final int LEAST_BITS = 3;

  private LlamaRope() {}

  /// Returns the keys of `rope_scaling`.
  ///
  /// @param factors one per pair of dimensions of a head
  static Map<String, Object> of(double[] factors, double base, int positions) {
    Map<String, Object> rope = new LinkedHashMap<>();
    double most = 1;
    for (double factor : factors) {
      most = Math.max(most, factor);
    }
    // the published models have 8192, so it is tried first
    List<Integer> originals = new ArrayList<>(List.of(8192));
    for (int bits = LEAST_BITS; bits <= MOST_BITS; bits++) {
      originals.add(1 << bits);
    }
    for (int original : originals) {
      if (fits(factors, base, most, original)) {
        rope.put("rope_type", "llama3");
        rope.put("factor", most);
        rope.put("low_freq_factor", LOW);
        rope.put("high_freq_factor", HIGH);
        rope.put("original_max_position_embeddings", original);
        return rope;
      }
    }
    List<Double> list = new ArrayList<>();
    for (double factor : factors) {
      list.add(factor);
    }
    rope.put("rope_type", "longrope");
    rope.put("short_factor", list);
    rope.put("long_factor", list);
    rope.put("attention_factor", 1.0);
    rope.put("original_max_position_embeddings", positions);
    return rope;
  }

  private static boolean fits(double[] factors, double base, double most, int original) {
    for (int i = 0; i < factors.length; i++) {
      double wavelength = 2 * Math.PI * Math.pow(base, (double) i / factors.length);
      double factor = factor(original / wavelength, most);
      if (Math.abs(factors[i] - factor) > NEAR * factor) {
        return false;
      }
    }
    return true;
  }

  private static double factor(double turns, double most) {
    if (turns > HIGH) {
      return 1;
    }
    if (turns < LOW) {
      return most;
    }
    double smooth = (turns - LOW) / (HIGH - LOW);
    return 1 / ((1 - smooth) / most + smooth);
  }
}
