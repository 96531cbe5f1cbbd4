package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.ChildJvm;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

/// Holds the fastest kernels to the same bytes in the interpreter and in compiled code: else a
/// result would depend on when the compiler came by, and two runs of one plan would differ.
///
/// The interpreter is a JVM of its own, started with `-Xint`; here every operation runs often
/// enough to be compiled before its result is taken.
class SameBytesCompiledTest {
  private static final int WARM = 3000;
  private static final int WARM_WIDE = 1500; // of wide shapes, whose loops are hot sooner
  private static final int WIDE = 1000; // numbers
  private static final int[][] SHAPES = {{3, 15}, {2, 17}, {4, 333}, {3, 1100}};

  @Test
  void compiledCodeGivesTheBytesOfTheInterpreter() throws IOException {
    List<String> command =
        ChildJvm.command(
            List.of("--add-modules", "jdk.incubator.vector", "-Xint"),
            SameBytesCompiledTest.class.getName());
    Process child =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try {
      List<String> compiled = digests(WARM); // beside the other JVM, whose lines fit into a pipe
      List<String> interpreted = new ArrayList<>();
      try (var lines = child.inputReader()) {
        lines.lines().forEach(interpreted::add);
      }
      assertThat(compiled).hasSize(2 * SHAPES.length * Operations.ALL.size());
      assertThat(interpreted).isEqualTo(compiled);
    } finally {
      child.destroyForcibly();
    }
  }

  /// Prints the digests of one call of each operation.
  public static void main(String[] args) {
    digests(0).forEach(System.out::println);
  }

  private static List<String> digests(int warm) {
    Kernels kernels = Kernels.fastest();
    List<String> digests = new ArrayList<>();
    for (Dtype c : new Dtype[] {Dtype.F32, Dtype.BF16}) {
      Operations.ALL.forEach(
          (name, operation) -> {
            for (int[] shape : SHAPES) {
              int calls = shape[0] * shape[1] < WIDE ? warm : Math.min(warm, WARM_WIDE);
              long crc = digest(kernels, c, operation, shape, calls);
              digests.add(name + " " + c + " " + shape[0] + "x" + shape[1] + " " + crc);
            }
          });
    }
    return digests;
  }

  private static long digest(
      Kernels kernels, Dtype c, Operations.Operation operation, int[] shape, int warm) {
    try (Scope scope = Scope.open("digest")) {
      Draw scratch = new Draw(new Random(2), scope, c, shape[0], shape[1]);
      Tensor[] again = operation.tensors().apply(scratch);
      for (int i = 0; i < warm; i++) {
        operation.body().call(scratch, kernels, again);
      }
      Draw draw = new Draw(new Random(1), scope, c, shape[0], shape[1]);
      Tensor[] tensors = operation.tensors().apply(draw);
      operation.body().call(draw, kernels, tensors);
      CRC32 crc = new CRC32();
      for (Tensor t : tensors) {
        for (int r = 0; r < t.rows(); r++) {
          for (int col = 0; col < t.cols(); col++) {
            long bits = Double.doubleToLongBits(t.get(r, col));
            for (int b = 0; b < 64; b += 8) {
              crc.update((int) (bits >>> b));
            }
          }
        }
      }
      return crc.getValue();
    }
  }
}
