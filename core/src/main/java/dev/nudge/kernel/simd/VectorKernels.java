package dev.nudge.kernel.simd;

import dev.nudge.kernel.Glu.Activation;
import dev.nudge.kernel.Kernels;

/// Replaces kernels by Vector API ones, if this JVM has the module; found by
/// [java.util.ServiceLoader].
///
/// Attention combines matrix products with these kernels, so it is not replaced.
public final class VectorKernels implements Kernels.Provider {
  @Override
  public int order() {
    return 10;
  }

  @Override
  public Kernels over(Kernels under) {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return under;
    }
    return new Kernels(
        "vector " + Species.F.vectorBitSize() + " bit",
        new VectorRmsNorm(under.rmsNorm()),
        new VectorRope(under.rope()),
        new VectorGlu(under.swiGlu(), Activation.SILU),
        new VectorGlu(under.geGlu(), Activation.GELU_TANH),
        new VectorGlu(under.sigmoidGlu(), Activation.SIGMOID),
        new VectorSoftCap(under.softCap()),
        under.attend(),
        new VectorSoftmaxRows(under.softmaxRows()),
        new VectorCrossEntropy(under.crossEntropy()),
        new VectorAdamW(under.adamW()),
        new VectorAdamW8(),
        new VectorElementwise(under.elementwise()),
        new VectorNf4(under.nf4()),
        new VectorGroupedCodes(under.groupedCodes()),
        new VectorSkinnyProduct(under.fewRows()),
        new VectorAttendOne(under.attendOne(), new VectorAttendSweeps()),
        new VectorDeltaRule(under.deltaRule()));
  }
}
