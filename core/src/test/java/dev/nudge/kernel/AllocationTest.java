package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.ChildJvm;
import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Show that a call of a Vector kernel allocates nothing once the compiler has seen enough of them.
///
/// A loop that the compiler gave up on boxes every vector and would allocate on every call for
/// ever. How far the compiler inlines depends on all that the JVM ran before, so the operations run
/// in a JVM of their own.
class AllocationTest {
  private static final int QUIET = 200;

  @Test
  void aCallAllocatesNothing() throws IOException {
    assumeTrue(Kernels.fastest().name().startsWith("vector"), "the Vector API's module is missing");
    ChildJvm child = ChildJvm.run(ChildJvm.FLAGS, AllocationTest.class.getName(), Seeds.next());
    assertThat(child.exitCode()).as(child.text()).isZero();
    assertThat(child.output().stream().filter(line -> line.contains(" seed "))) // the JVM may talk
        .hasSize(2 * Operations.ALL.size())
        .allMatch(line -> line.endsWith(": " + QUIET));
  }

  /// Prints the calls in a row without garbage, a line for each operation and dtype.
  ///
  /// @param args the seed
  public static void main(String[] args) {
    Random random = new Random(Long.parseLong(args[0]));
    Kernels fast = Kernels.fastest();
    Operations.ALL.forEach(
        (name, operation) -> {
          for (Dtype c : new Dtype[] {Dtype.F32, Dtype.BF16}) {
            long seed = random.nextLong();
            try (Scope scope = Scope.open("allocation")) {
              Draw draw = new Draw(new Random(seed), scope, c, 40, 555);
              Tensor[] tensors = operation.tensors().apply(draw);
              int quiet =
                  CompilerWork.quietCalls(
                      QUIET, 0, () -> operation.body().call(draw, fast, tensors));
              System.out.println(name + " " + c + " seed " + seed + ": " + quiet);
            }
          }
        });
  }
}
