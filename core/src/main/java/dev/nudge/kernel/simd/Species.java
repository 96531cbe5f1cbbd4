package dev.nudge.kernel.simd;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// Names the vector shapes that all kernels use.
final class Species {
  /// Float lanes of the JVM's preferred shape.
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

  /// Int lanes, as many as float lanes.
  static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;

  static final VectorShape HALF = VectorShape.forBitSize(F.vectorBitSize() / 2);

  /// Short lanes, as many as float lanes.
  static final VectorSpecies<Short> S = VectorSpecies.of(short.class, HALF);

  /// Bytes, as many as float lanes, but at least eight.
  static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * F.length())));

  /// Double lanes of the widest shape.
  static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;

  /// Float lanes, as many as double lanes.
  static final VectorSpecies<Float> FD = VectorSpecies.of(float.class, HALF);

  static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  /// Rotates lanes by 8 (4, 2, 1): lane i of the result is lane i + 8 of the vector, cyclically.
  ///
  /// Every sum over the lanes of a vector is a fold by these. `reduceLanes(ADD)` is not used for
  /// floats: its order is undefined and differs between interpreted and compiled code, so that a
  /// result would depend on when the JIT compiles (seen as gradients that changed by 1e-6 between
  /// two runs of the same step). The fold is repeated in each loop, because a method must not take
  /// a vector (see [Exp#pass]).
  static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(F, 8, 1, true);

  static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(F, 4, 1, true);
  static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(F, 2, 1, true);
  static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(F, 1, 1, true);

  static final VectorShuffle<Double> DOUBLES_BY_4 = VectorShuffle.iota(D, 4, 1, true);
  static final VectorShuffle<Double> DOUBLES_BY_2 = VectorShuffle.iota(D, 2, 1, true);
  static final VectorShuffle<Double> DOUBLES_BY_1 = VectorShuffle.iota(D, 1, 1, true);

  /// The upper half of the lanes.
  static final VectorMask<Integer> UPPER = VectorMask.fromLong(I, -1L << I.length() / 2);

  /// Number of float lanes.
  static final int LANES = F.length();

  private Species() {}

  /// The number of elements of all vectors that `n` elements touch.
  static int padded(int n) {
    return (n + LANES - 1) / LANES * LANES;
  }
}
