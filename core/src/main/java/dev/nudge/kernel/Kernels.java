package dev.nudge.kernel;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Function;

/// Holds one kernel for every operation.
///
/// Providers form a stack: the portable kernels are at the bottom, and each [Provider] replaces
/// some of them by faster ones. A provider of one fast kernel is one class and one line of a
/// service file.
///
/// Threading: any number of threads may call kernels at once, on tensors that no other call
/// writes. Results depend on the arguments only, never on thread or timing.
public record Kernels(
    String name,
    RmsNorm rmsNorm,
    Rope rope,
    Glu swiGlu,
    Glu geGlu,
    Glu sigmoidGlu,
    SoftCap softCap,
    Attend attend,
    SoftmaxRows softmaxRows,
    CrossEntropy crossEntropy,
    AdamW adamW,
    AdamW8 adamW8,
    Elementwise elementwise,
    Nf4 nf4,
    GroupedCodes groupedCodes,
    SkinnyProduct fewRows,
    AttendOne attendOne,
    DeltaRule deltaRule) {

  /// Name of the portable kernels.
  public static final String PLAIN = "plain";

  /// Replaces kernels by faster ones; found by [ServiceLoader].
  public interface Provider {
    /// Position in the stack: a provider replaces kernels of providers of lower order.
    int order();

    /// Returns these kernels with some replaced, or unchanged if this JVM cannot run the faster
    /// ones. A kernel may delegate unsupported cases to the kernel that it replaces.
    Kernels over(Kernels under);
  }

  /// Maps a kernel to a kernel of the same type.
  public interface Replacement {
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
        new Glu.Plain(Glu.Activation.SIGMOID),
        new SoftCap.Plain(),
        new CausalAttention(),
        new SoftmaxRows.Plain(),
        new CrossEntropy.Plain(),
        new AdamW.Plain(),
        new AdamW8.Plain(),
        new Elementwise.Plain(),
        new Nf4.Plain(),
        new GroupedCodes.Plain(),
        new SkinnyProduct.Plain(),
        new AttendOne.Plain(),
        new DeltaChunks(RowMatrix.Doubles::new));
  }

  /// The GLU kernel of an activation.
  public Glu glu(Glu.Activation activation) {
    return switch (activation) {
      case SILU -> swiGlu;
      case GELU_TANH -> geGlu;
      case SIGMOID -> sigmoidGlu;
    };
  }

  /// Returns these kernels, each mapped by `each`.
  public Kernels each(String name, Replacement each) {
    return new Kernels(
        name,
        each.of(RmsNorm.class, rmsNorm),
        each.of(Rope.class, rope),
        each.of(Glu.class, swiGlu),
        each.of(Glu.class, geGlu),
        each.of(Glu.class, sigmoidGlu),
        each.of(SoftCap.class, softCap),
        each.of(Attend.class, attend),
        each.of(SoftmaxRows.class, softmaxRows),
        each.of(CrossEntropy.class, crossEntropy),
        each.of(AdamW.class, adamW),
        each.of(AdamW8.class, adamW8),
        each.of(Elementwise.class, elementwise),
        each.of(Nf4.class, nf4),
        each.of(GroupedCodes.class, groupedCodes),
        each.of(SkinnyProduct.class, fewRows),
        each.of(AttendOne.class, attendOne),
        each.of(DeltaRule.class, deltaRule));
  }

  /// Returns these kernels with one replaced.
  ///
  /// @param which selects it, for example `Kernels::fewRows`
  public <T> Kernels with(Function<Kernels, T> which, T other) {
    T replaced = which.apply(this);
    return each(
        name,
        new Replacement() {
          @Override
          public <K> K of(Class<K> type, K kernel) {
            return kernel == replaced ? type.cast(other) : kernel;
          }
        });
  }

  /// Returns kernels for a dry run: they compute nothing and allocate the workspace memory that
  /// these kernels allocate.
  public Kernels dry() {
    return each("dry", DryKernels::of);
  }

  /// Selects this process's providers.
  public enum Choice {
    /// All that this machine can run.
    AUTO(Integer.MAX_VALUE),
    /// At most the Vector API's: no machine code.
    VECTOR(10),
    /// None.
    PLAIN(0);

    private final int order;

    Choice(int order) {
      this.order = order;
    }
  }

  /// Chooses the providers of later [#fastest] calls in this process. The default is the system
  /// property `nudge.kernels` (`auto`, `vector` or `plain`; else `auto`).
  public static void choose(Choice choice) {
    Selected.now = choice;
  }

  /// The current choice.
  public static Choice chosen() {
    return Selected.now;
  }

  /// The fastest kernels that this JVM can run: those of all providers on the class path, up to
  /// the [Choice].
  public static Kernels fastest() {
    return switch (Selected.now) {
      case AUTO -> Fastest.KERNELS;
      case VECTOR -> Vector.KERNELS;
      case PLAIN -> Plain.KERNELS;
    };
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

  /// The providers on the class path, up to a choice.
  private static Kernels load(Choice choice) {
    return of(
        ServiceLoader.load(Provider.class, Kernels.class.getClassLoader()).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.order() <= choice.order)
            .toList());
  }

  private static final class Selected {
    static volatile Choice now = of(System.getProperty("nudge.kernels", "auto"));

    private static Choice of(String property) {
      for (Choice choice : Choice.values()) {
        if (choice.name().equalsIgnoreCase(property)) {
          return choice;
        }
      }
      return Choice.AUTO; // ignores an unknown value
    }
  }

  /// Loads the providers once a process.
  private static final class Fastest {
    static final Kernels KERNELS = load(Choice.AUTO);
  }

  private static final class Vector {
    static final Kernels KERNELS = load(Choice.VECTOR);
  }

  private static final class Plain {
    static final Kernels KERNELS = load(Choice.PLAIN);
  }
}
