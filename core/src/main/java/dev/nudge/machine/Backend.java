package dev.nudge.machine;

import dev.nudge.kernel.Kernels;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.GemmProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// Holds a run's compute backend, chosen once: compute type, kernels and matrix products.
///
/// @param compute the type of weights and activations: BF16, F32, or F64 in tests
/// @param gemms opens a Gemm with that many threads; called on the lane's own thread
/// @param name for messages, for example `bf16, oneDNN 3.13.0, vector-512`
/// @param processor the kind of this machine's processor, with the instructions that the matrix
///     products use
/// @param notes what is missing on this machine and what it costs, one line each
public record Backend(
    Dtype compute,
    Kernels kernels,
    IntFunction<Gemm> gemms,
    String name,
    String processor,
    List<String> notes) {
  /// The speed-up over fp32 from which bf16 products are chosen: without bf16 instructions they
  /// run at a third of fp32, with them at nearly double.
  private static final double WORTH = 1.1;

  /// The speed-up above which one round of measuring suffices: the processor then has bf16
  /// instructions, whatever load other processes make.
  private static final double CLEAR = 1.5;

  /// Rounds in which bf16 and fp32 are measured in turn; the median decides. With one round, load
  /// of another process once chose fp32 for a run that should have been bf16.
  private static final int ROUNDS = 5;

  public Backend {
    notes = List.copyOf(notes);
  }

  /// Returns this backend with kernels for a dry run, see [Kernels#dry].
  public Backend dry() {
    return new Backend(compute, kernels.dry(), gemms, name, processor, notes);
  }

  /// Makes a backend of plain Java throughout.
  public static Backend plain(Dtype compute) {
    return new Backend(
        compute,
        Kernels.plain(),
        threads -> Gemm.plain(),
        compute + ", plain Java",
        Processor.here(""),
        List.of());
  }

  /// Chooses the fastest products and kernels of this machine, and the compute type by measuring a
  /// small product of each type.
  ///
  /// @param cache where native libraries are unpacked
  /// @param widths of the model's layers: products of their shapes are verified before they are
  ///     used
  /// @throws InputException if `wanted` is not available
  public static Backend resolve(Compute wanted, Path cache, int... widths) {
    return resolve(wanted, null, cache, GemmProvider.find(), widths);
  }

  /// Chooses the backend for a resumed run: keeps its compute type if the machine has products of
  /// it. Measuring on a busy machine could choose another type, and so other bits.
  ///
  /// @param before the compute type of the run so far
  public static Backend again(Compute wanted, Compute before, Path cache, int... widths) {
    return resolve(wanted, before, cache, GemmProvider.find(), widths);
  }

  static Backend resolve(
      Compute wanted,
      @Nullable Compute before,
      Path cache,
      Optional<GemmProvider> provider,
      int... widths) {
    List<String> notes = new ArrayList<>();
    Kernels kernels = Kernels.fastest();
    notes.addAll(JvmFlags.missing(kernels));
    Optional<String> missing = load(provider, cache);
    if (provider.isPresent() && missing.isEmpty()) {
      List<String> distrusted = provider.get().distrust(widths);
      notes.addAll(distrusted);
      if (!distrusted.isEmpty() && provider.get().probe(Dtype.F32) == 0) {
        missing = Optional.of("oneDNN's fp32 products failed the self-test");
      }
    }
    if (provider.isEmpty() || missing.isPresent()) {
      notes.add(missing.orElse("") + ", so products run in plain Java, a hundred times slower");
      Dtype compute = (before == null ? wanted : before) == Compute.BF16 ? Dtype.BF16 : Dtype.F32;
      return new Backend(
          compute,
          kernels,
          threads -> Gemm.plain(),
          name(compute, "plain products", kernels),
          Processor.here(""),
          notes);
    }
    GemmProvider gemms = provider.get();
    Dtype compute =
        before == null ? choose(wanted, gemms, notes) : keep(wanted, before, gemms, notes);
    return new Backend(
        compute,
        kernels,
        gemms::open,
        name(compute, gemms.name(), kernels),
        Processor.here(gemms.instructions()), // known once they are loaded
        notes);
  }

  private static Dtype keep(
      Compute wanted, Compute before, GemmProvider gemms, List<String> notes) {
    if (before == Compute.FP32) {
      return Dtype.F32;
    }
    boolean offered = gemms.probe(Dtype.BF16) > 0; // however slow
    return offered ? Dtype.BF16 : choose(wanted, gemms, notes);
  }

  /// Loads the native library; returns why not if that fails.
  private static Optional<String> load(Optional<GemmProvider> provider, Path cache) {
    if (provider.isEmpty()) {
      return Optional.of("no native products on the class path");
    }
    try {
      return provider.get().load(cache);
    } catch (IllegalCallerException e) {
      throw JvmFlags.denied(e);
    }
  }

  private static String name(Dtype compute, String gemms, Kernels kernels) {
    return (compute == Dtype.BF16 ? "bf16" : "fp32") + ", " + gemms + ", " + kernels.name();
  }

  static Dtype choose(Compute wanted, GemmProvider gemms, List<String> notes) {
    if (wanted == Compute.FP32) {
      return Dtype.F32;
    }
    double bf16 = gemms.probe(Dtype.BF16);
    if (wanted == Compute.BF16 && bf16 == 0) {
      throw new InputException(
          "--compute bf16: this processor has no bf16 products; use --compute fp32 or auto");
    }
    double fp32 = gemms.probe(Dtype.F32);
    boolean worth = bf16 > CLEAR * fp32;
    double[] ratios = new double[ROUNDS];
    for (int i = 0; i < ROUNDS && bf16 > 0 && !worth; i++) {
      double b = gemms.probe(Dtype.BF16);
      double f = gemms.probe(Dtype.F32);
      bf16 = Math.max(bf16, b);
      fp32 = Math.max(fp32, f);
      ratios[i] = b / f;
    }
    Arrays.sort(ratios);
    worth |= ratios[ROUNDS / 2] > WORTH;
    if (wanted == Compute.BF16 && !worth) {
      notes.add(
          String.format(
              java.util.Locale.ROOT,
              "bf16 products run at %.0f GFLOP/s a thread here, fp32 at %.0f; --compute auto"
                  + " chooses fp32",
              bf16,
              fp32));
    }
    return wanted == Compute.BF16 || worth ? Dtype.BF16 : Dtype.F32;
  }
}
