package dev.nudge.kernel;

import java.util.ServiceLoader;

/// Gathers one provider of every operation.
///
/// Threading: providers may be called from any number of threads at once, on tensors that no other
/// call writes. Results depend on the arguments only, never on the thread or on time.
public record Kernels(
    String name,
    RmsNorm rmsNorm,
    Rope rope,
    Glu swiGlu,
    Glu geGlu,
    SoftCap softCap,
    Attend attend,
    SoftmaxRows softmaxRows,
    CrossEntropy crossEntropy,
    AdamW adamW,
    AdamW8 adamW8,
    Elementwise elementwise,
    Nf4 nf4,
    FewRows fewRows,
    AttendOne attendOne) {

  /// Name of the portable kernels.
  public static final String PLAIN = "plain";

  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  /// Makes the kernels of a provider that was found on the class path.
  public interface Provider {
    Kernels open();
  }

  /// The portable kernels: plain Java, rows computed in double.
  public static Kernels plain() {
    return new Kernels(
        PLAIN,
        new RmsNorm.Plain(),
        new Rope.Plain(),
        new Glu.Plain(Glu.Activation.SILU),
        new Glu.Plain(Glu.Activation.GELU_TANH),
        new SoftCap.Plain(),
        new CausalAttention(),
        new SoftmaxRows.Plain(),
        new CrossEntropy.Plain(),
        new AdamW.Plain(),
        new AdamW8.Plain(),
        new Elementwise.Plain(),
        new Nf4.Plain(),
        new FewRows.Plain(),
        new AttendOne.Plain());
  }

  /// The gate of an activation.
  public Glu glu(Glu.Activation activation) {
    return activation == Glu.Activation.SILU ? swiGlu : geGlu;
  }

  /// Kernels that do nothing, for a pass on a dry workspace.
  public static Kernels dry() {
    return DryKernels.make();
  }

  /// The fastest kernels that this JVM can run: the Vector API's where its module was added, else
  /// the portable ones.
  public static Kernels fastest() {
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      return plain();
    }
    return ServiceLoader.load(Provider.class, Kernels.class.getClassLoader())
        .findFirst()
        .map(Provider::open)
        .orElseGet(Kernels::plain);
  }
}
