package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What models compute with sinks is held to transformers elsewhere; here, that rows can be shared.
class AttentionSinksTest {
  private static final Attend.Shape SHAPE = new Attend.Shape(6, 2, 8);
  private static final int ROWS = 11;

  private final Random random = new Random(Seeds.next());

  @Test
  void partsOfASequenceHaveTheBitsOfTheWhole() {
    try (Scope scope = Scope.open("sinks")) {
      for (Dtype type : new Dtype[] {Dtype.F32, Dtype.BF16}) {
        Tensor out = noise(scope.tensor(type, ROWS, SHAPE.queryWidth()));
        Tensor lse = noise(scope.tensor(Dtype.F32, ROWS * SHAPE.count(), 1));
        Tensor sinks = noise(scope.tensor(type, 1, SHAPE.count()));
        Tensor parts = copy(out, scope);
        Tensor partsLse = copy(lse, scope);
        Tensor before = copy(out, scope);
        AttentionSinks.forward(SHAPE, out, lse, sinks, 0, ROWS);
        assertThat(out.data().mismatch(before.data())).isNotEqualTo(-1);
        AttentionSinks.forward(SHAPE, parts, partsLse, sinks, 4, ROWS);
        assertThat(parts.rows(0, 4).data().asSlice(0, 4 * before.cols() * type.bytes()))
            .matches(d -> d.mismatch(before.data().asSlice(0, d.byteSize())) == -1);
        AttentionSinks.forward(SHAPE, parts, partsLse, sinks, 0, 4);
        assertThat(parts.data().mismatch(out.data())).isEqualTo(-1);
        assertThat(partsLse.data().mismatch(lse.data())).isEqualTo(-1);
      }
    }
  }

  private Tensor noise(Tensor t) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  private static Tensor copy(Tensor t, Scope scope) {
    Tensor copy = scope.tensor(t.dtype(), t.rows(), t.cols());
    copy.data().copyFrom(t.data().asSlice(0, t.bytes()));
    return copy;
  }
}
