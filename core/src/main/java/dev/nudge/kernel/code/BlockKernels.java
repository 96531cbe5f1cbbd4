package dev.nudge.kernel.code;

import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Caches machine code for GGUF blocks by block type and compute type; the first product with a
/// weight of such types creates it and compares its results with the fallback's on a few rows.
///
/// Threading: any number of threads.
final class BlockKernels {
  private static final int ROWS = 5; // of a weight in the check: a group of four and one
  private static final int BESIDE = 7; // rows of x: four, two, one

  private static final Map<String, DotBlocks.Type> TYPES =
      Arrays.stream(DotBlocks.Type.values())
          .collect(Collectors.toUnmodifiableMap(Enum::name, type -> type));

  private record Key(DotBlocks.Type type, boolean low) {}

  private final Code.Memory memory;
  private final SkinnyProduct under;
  private final ConcurrentHashMap<Key, Optional<Kernel>> made = new ConcurrentHashMap<>();

  BlockKernels(SkinnyProduct under, Code.Memory memory) {
    this.under = under;
    this.memory = memory;
  }

  /// Returns a weight's block type; null: it has no machine code.
  static DotBlocks.@Nullable Type type(SkinnyProduct.ByRow w) {
    SkinnyProduct.Blocks blocks = w.blocks();
    return blocks == null ? null : TYPES.get(blocks.type());
  }

  /// Returns the machine code for a weight; empty if the type has none, or its results differ from
  /// the fallback.
  ///
  /// @param multiply computes products by a kernel that may be wrong
  Optional<Kernel> of(SkinnyProduct.ByRow w, Dtype compute, Multiply multiply) {
    DotBlocks.Type type = type(w);
    if (type == null) {
      return Optional.empty();
    }
    boolean low = compute == Dtype.BF16;
    return made.computeIfAbsent(
        new Key(type, low),
        key ->
            Kernel.of((group, rows) -> DotBlocks.code(type, low, group, rows), 4, memory)
                .filter(kernel -> right(kernel, w, compute, multiply)));
  }

  /// Multiplies the first rows of a weight.
  interface Multiply {
    void by(Kernel kernel, Tensor x, int to, Tensor y);
  }

  private boolean right(Kernel kernel, SkinnyProduct.ByRow w, Dtype compute, Multiply multiply) {
    int rows = Math.min(ROWS, w.rows());
    try (Workspace ws = new Workspace(0, 4L * BESIDE * (w.cols() + 64) * 3, Gemm.plain())) {
      Tensor x = tensor(w.cols());
      for (int r = 0; r < BESIDE; r++) {
        for (int i = 0; i < w.cols(); i++) {
          x.set(r, i, (r * 5 + i * (r + 2)) % 7 - 3);
        }
      }
      Tensor arranged = under.arranged(x, w, ws);
      Tensor want = tensor(rows);
      Tensor got = tensor(rows);
      under.multiply(arranged, w, compute, 0, rows, want, false);
      multiply.by(kernel, arranged, rows, got);
      return want.data().mismatch(got.data()) == -1;
    }
  }

  private static Tensor tensor(int cols) {
    return Tensor.of(Arena.ofAuto().allocate(4L * BESIDE * cols, 64), Dtype.F32, BESIDE, cols);
  }
}
