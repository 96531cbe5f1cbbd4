package dev.nudge.kernel;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Function;

/// Holds one kernel of every operation.
///
/// A stack of providers makes them, kernel by kernel: the portable kernels lie beneath all, and
/// each [Provider] replaces those that it does better. So one that has a single fast kernel is one
/// class and one line of a service file.
///
/// Threading: kernels may be called from any number of threads at once, on tensors that no other
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

  /// Puts its kernels over those of others; found by [ServiceLoader].
  public interface Provider {
    /// The place in the stack: a provider stands over those of lower order.
    int order();

    /// Returns the kernels beneath with some replaced, or as they are where this JVM cannot run
    /// others. A kernel may leave to the one that it replaces what it does not do itself.
    Kernels over(Kernels under);
  }

  /// Makes a kernel of each kernel.
  public interface Each {
    /// @param type the kernel's interface
    <K> K of(Class<K> type, K kernel);
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

  /// Returns kernels that are made of these, one by one.
  public Kernels each(String name, Each each) {
    return new Kernels(
        name,
        each.of(RmsNorm.class, rmsNorm),
        each.of(Rope.class, rope),
        each.of(Glu.class, swiGlu),
        each.of(Glu.class, geGlu),
        each.of(SoftCap.class, softCap),
        each.of(Attend.class, attend),
        each.of(SoftmaxRows.class, softmaxRows),
        each.of(CrossEntropy.class, crossEntropy),
        each.of(AdamW.class, adamW),
        each.of(AdamW8.class, adamW8),
        each.of(Elementwise.class, elementwise),
        each.of(Nf4.class, nf4),
        each.of(FewRows.class, fewRows),
        each.of(AttendOne.class, attendOne));
  }

  /// Returns these kernels with one replaced.
  ///
  /// @param which the one, for example `Kernels::fewRows`
  public <T> Kernels with(Function<Kernels, T> which, T other) {
    T replaced = which.apply(this);
    return each(
        name,
        new Each() {
          @Override
          public <K> K of(Class<K> type, K kernel) {
            return kernel == replaced ? type.cast(other) : kernel;
          }
        });
  }

  /// Returns kernels for a pass on a dry workspace: they compute nothing and take the room that
  /// these take.
  public Kernels dry() {
    return each("dry", DryKernels::of);
  }

  /// The fastest kernels that this JVM can run: those of all providers on the class path.
  public static Kernels fastest() {
    return Fastest.KERNELS;
  }

  /// Stacks providers over the portable kernels.
  public static Kernels of(List<? extends Provider> providers) {
    List<Provider> upwards = new ArrayList<>(providers);
    upwards.sort(Comparator.comparingInt(Provider::order));
    Kernels top = plain();
    for (Provider provider : upwards) {
      top = provider.over(top);
    }
    return top;
  }

  /// Stacks them once a process.
  private static final class Fastest {
    static final Kernels KERNELS =
        of(
            ServiceLoader.load(Provider.class, Kernels.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .toList());
  }
}
