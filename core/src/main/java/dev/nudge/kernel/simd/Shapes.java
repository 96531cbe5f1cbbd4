package dev.nudge.kernel.simd;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Names the vector shapes that all kernels use.
final class Shapes {
  /// Float lanes of the widest shape that this machine likes.
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

  /// Int lanes, as many as float lanes.
  static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;

  static final VectorShape HALF = VectorShape.forBitSize(F.vectorBitSize() / 2);

  /// Short lanes, as many as float lanes.
  static final VectorSpecies<Short> S = VectorSpecies.of(short.class, HALF);

  /// Double lanes of the widest shape.
  static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;

  /// Float lanes, as many as double lanes.
  static final VectorSpecies<Float> FD = VectorSpecies.of(float.class, HALF);

  static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  /// Number of float lanes.
  static final int LANES = F.length();

  private Shapes() {}

  /// The number of elements of all vectors that `n` elements touch.
  static int padded(int n) {
    return (n + LANES - 1) / LANES * LANES;
  }
}
