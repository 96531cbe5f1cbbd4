package dev.nudge.adapter.linalg;

import dev.nudge.tensor.Tensor;
import java.nio.charset.StandardCharsets;

/// Fills a new adapter as PEFT does: A uniform in ±1/√in (Kaiming with a = √5), B zero. [1]
///
/// B·A is zero at first, so the adapted model starts as the base. The numbers come from a counter,
/// not from a stream: element i of the layer at `path` is a function of (seed, path, i) alone, so
/// neither the order of the layers nor which others are adapted changes it.
///
/// ```
/// mix(z)  = the finaliser of SplitMix64 [2]
/// fnv(p)  = 64-bit FNV-1a of the path in UTF-8
/// key     = mix(mix(seed + G) ^ fnv(path)),  G = 0x9E3779B97F4A7C15
/// k_i     = mix(key + (i + 1)·G) >>> 40                 24 bits
/// A_i     = (2·k_i + 1 − 2²⁴) / 2²⁴ / √in               symmetric, never on the bound
/// ```
///
/// [1] He et al., arXiv:1502.01852; [2] Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014.
public final class LoraInit {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;
  private static final int BITS = 24;

  private LoraInit() {}

  /// Fills A (rank, in), contiguous; B is left as the zeros it is allocated with.
  public static void fill(Tensor a, long seed, String path) {
    long key = mix(mix(seed + GOLDEN) ^ fnv(path));
    double bound = 1 / Math.sqrt(a.cols());
    long elements = a.elements();
    for (long i = 0; i < elements; i++) {
      a.put(i, bound * unit(key, i));
    }
  }

  /// Fills a matrix with numbers of the standard normal distribution, as PEFT fills B of an
  /// embedding, by the method of Box and Muller.
  public static void fillNormal(Tensor b, long seed, String path) {
    long key = mix(mix(seed + GOLDEN) ^ fnv(path));
    for (long i = 0; i < b.elements(); i++) {
      double u = (unit(key, 2 * i) + 1) / 2; // in (0, 1)
      double v = unit(key, 2 * i + 1);
      b.put(i, Math.sqrt(-2 * Math.log(u)) * Math.cos(Math.PI * v));
    }
  }

  private static double unit(long key, long i) {
    long k = mix(key + (i + 1) * GOLDEN) >>> (Long.SIZE - BITS);
    return (2 * k + 1 - (1L << BITS)) * 0x1p-24;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  private static long fnv(String path) {
    long hash = 0xCBF29CE484222325L;
    for (byte b : path.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
    }
    return hash;
  }
}
