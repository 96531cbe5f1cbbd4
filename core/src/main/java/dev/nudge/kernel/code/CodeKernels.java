package dev.nudge.kernel.code;

import dev.nudge.kernel.AttendOne;
import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.NativeAccess;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Replaces products of few rows and the sweeps of decode attention by machine code on Linux x86-64
/// with AVX-512, if the Vector API uses 512-bit vectors, this process may have executable memory,
/// and the self-test passes; found by [java.util.ServiceLoader].
public final class CodeKernels implements Kernels.Provider {
  private static final String BENEATH = "vector 512 bit";

  @Override
  public int order() {
    return 20;
  }

  @Override
  public Kernels over(Kernels under) {
    Compiled made = made(under, Code::of);
    return made.few == null || made.attend == null
        ? under
        : under.with(Kernels::fewRows, made.few).with(Kernels::attendOne, made.attend);
  }

  /// Returns whether they use machine code.
  public static boolean isIn(Kernels kernels) {
    return kernels.fewRows() instanceof CodeSkinnyProduct;
  }

  /// Returns why machine code cannot replace kernels; empty if it can.
  public static Optional<String> missing(Kernels under) {
    return Optional.ofNullable(made(under, Code::of).missing);
  }

  /// The kernels, or why not.
  ///
  /// @param attend the fallback if it has no sweeps
  record Compiled(
      @Nullable SkinnyProduct few, @Nullable AttendOne attend, @Nullable String missing) {
    static Compiled none(String why) {
      return new Compiled(null, null, why);
    }
  }

  /// @param memory puts code into executable memory, or returns empty
  static Compiled made(Kernels under, Code.Memory memory) {
    if (!NativeAccess.given()) {
      return Compiled.none("native access is not enabled");
    }
    if (!Cpu.has("avx512f", "avx512vl")) {
      return Compiled.none("this is not Linux on x86-64 with AVX-512");
    }
    if (!under.name().equals(BENEATH)) {
      return Compiled.none("the Vector API has no vectors of 512 bits here");
    }
    Optional<Kernel> bf16 = Kernel.of(DotBf16::code, 1, memory);
    Optional<Kernel> narrow = Kernel.of(DotBf16::code, 4, memory);
    Optional<Kernel> fp32 = Kernel.of(DotFp32::code, 1, memory);
    Optional<Kernel> nf4 = Kernel.of(DotNf4::code, 4, memory);
    Optional<Code> scales = memory.of(NestedScales.code());
    Optional<CodeSkinnyProduct.GroupedKernels> grouped =
        CodeSkinnyProduct.GroupedKernels.of(memory);
    Optional<StoreSums> store = StoreSums.of(memory);
    if (bf16.isEmpty()
        || narrow.isEmpty()
        || fp32.isEmpty()
        || nf4.isEmpty()
        || scales.isEmpty()
        || grouped.isEmpty()
        || store.isEmpty()) {
      return Compiled.none("this process may not have executable memory");
    }
    SkinnyProduct few =
        new CodeSkinnyProduct(
            under.fewRows(),
            bf16.get(),
            narrow.get(),
            fp32.get(),
            nf4.get(),
            scales.get(),
            grouped.get(),
            store.get(),
            new BlockKernels(under.fewRows(), memory));
    if (!SelfTest.passes(few)) {
      return Compiled.none("known products come out wrong on this processor");
    }
    AttendOne attend = under.attendOne();
    if (attend instanceof AttendOne.BySweeps by) {
      Optional<AttendSweeps> sweeps =
          CodeAttendSweeps.of(by.sweeps(), narrow.get(), store.get(), memory);
      if (sweeps.isEmpty()) {
        return Compiled.none("this process may not have executable memory");
      }
      if (!SelfTest.passes(sweeps.get())) {
        return Compiled.none("known attention comes out wrong on this processor");
      }
      attend = by.with(sweeps.get());
    }
    return new Compiled(few, attend, null);
  }
}
