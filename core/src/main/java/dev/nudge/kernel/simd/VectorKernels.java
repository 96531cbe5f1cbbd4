package dev.nudge.kernel.simd;

import dev.nudge.kernel.CausalAttention;
import dev.nudge.kernel.Glu;
import dev.nudge.kernel.Kernels;

/// Opens the Vector API's kernels; found by [java.util.ServiceLoader].
public final class VectorKernels implements Kernels.Provider {
  @Override
  public Kernels open() {
    return new Kernels(
        "vector " + Species.F.vectorBitSize() + " bit",
        new VectorRmsNorm(),
        new VectorRope(),
        new VectorGlu(Glu.Activation.SILU),
        new VectorGlu(Glu.Activation.GELU_TANH),
        new VectorSoftCap(),
        new CausalAttention(),
        new VectorSoftmaxRows(),
        new VectorCrossEntropy(),
        new VectorAdamW(),
        new VectorAdamW8(),
        new VectorElementwise(),
        new VectorNf4(),
        new VectorFewRows(),
        new VectorAttendOne());
  }
}
