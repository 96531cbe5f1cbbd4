package dev.nudge.kernel;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Show that a call of a Vector kernel allocates nothing once the compiler has seen enough of them.
///
/// A loop that the compiler gave up on boxes every vector and would allocate on every call for
/// ever.
class AllocationTest {
  private static final int QUIET = 200;

  static Stream<Arguments> operations() {
    return Operations.ALL.keySet().stream()
        .flatMap(n -> Stream.of(Dtype.F32, Dtype.BF16).map(c -> Arguments.of(n, c)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("operations")
  void aCallAllocatesNothing(String name, Dtype c) {
    Kernels fast = Kernels.fastest();
    assumeTrue(fast.name().startsWith("vector"), "the Vector API's module is not there");
    long seed = Seeds.next();
    System.out.println("allocation " + name + " " + c + " seed " + seed);
    try (Scope scope = Scope.open("allocation")) {
      Draw draw = new Draw(new Random(seed), scope, c, 40, 555);
      Operations.Operation operation = requireNonNull(Operations.ALL.get(name));
      Tensor[] tensors = operation.tensors().apply(draw);
      assertThat(
              CompilerWork.quietCalls(QUIET, 0, () -> operation.body().call(draw, fast, tensors)))
          .as("calls in a row without garbage")
          .isEqualTo(QUIET);
    }
  }
}
