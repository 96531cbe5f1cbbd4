package dev.nudge.nn.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Segments;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Either body of a layer may keep something of its own: each level of [Recompute] that keeps it
/// hands the same back.
class DecoderLayerTest {
  private static final int ROWS = 5;
  private static final int WIDTH = 4;

  /// Multiplies each row by 2 or 3, which it decides by the row's numbers and may keep.
  private static final class Choosing implements Body {
    private int decisions;
    private @Nullable Activations written;
    private @Nullable Activations handed;

    /// @param factors (rows, 1)
    private record Choice(Tensor factors) implements Activations, Tape.Entry {}

    @Override
    public Choice kept(Tensor x, Workspace ws) {
      return new Choice(ws.take(x.dtype(), x.rows(), 1));
    }

    @Override
    public void forward(Tensor x, Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
      written = Objects.requireNonNull(kept);
      run(x, y, decided(x, (Choice) written), p);
    }

    @Override
    public void again(
        Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
      handed = kept;
      run(x, y, kept == null ? decided(x, kept(x, p.ws())) : (Choice) kept, p);
    }

    private Choice decided(Tensor x, Choice choice) {
      decisions++;
      for (int r = 0; r < x.rows(); r++) {
        choice.factors().set(r, 0, x.get(r, 0) > 0 ? 2 : 3);
      }
      return choice;
    }

    private static void run(Tensor x, @Nullable Tensor y, Choice choice, Pass p) {
      if (y != null) {
        multiply(x, choice, y);
      }
      if (p.tape() != null) {
        p.tape().push(choice);
      }
    }

    private static void multiply(Tensor x, Choice choice, Tensor y) {
      for (int r = 0; r < x.rows(); r++) {
        for (int c = 0; c < x.cols(); c++) {
          y.set(r, c, x.get(r, c) * choice.factors().get(r, 0));
        }
      }
    }

    @Override
    public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
      Choice choice = p.taped().pop(Choice.class);
      if (dx != null) {
        multiply(dy, choice, dx);
      }
      return Linear.Gradients.NONE;
    }

    @Override
    public void parameters(Consumer<Parameter> each) {}
  }

  /// The level, how often each body decides, and which of the two are handed what they wrote.
  @ParameterizedTest
  @CsvSource({
    "NONE, 1, false, false",
    "GATE_UP, 1, false, true",
    "ALL_BUT_ATTENTION, 1, true, true",
    "EVERYTHING, 2, false, false"
  })
  void aBodyIsHandedWhatItKept(Recompute level, int decisions, boolean first, boolean second) {
    Choosing attends = new Choosing();
    Choosing feeds = new Choosing();
    assertThat(gradient(level, attends, feeds))
        .isEqualTo(gradient(Recompute.NONE, new Choosing(), new Choosing()));
    assertThat(attends.decisions).isEqualTo(decisions);
    assertThat(feeds.decisions).isEqualTo(decisions);
    assertThat(attends.handed).isSameAs(first ? attends.written : null);
    assertThat(feeds.handed).isSameAs(second ? feeds.written : null);
  }

  private static List<Double> gradient(Recompute level, Body attends, Body feeds) {
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      DecoderLayer layer =
          new DecoderLayer(
              new ResidualBlock(new Norm(numbers(scope, 1), 1e-5, 1), attends),
              new ResidualBlock(new Norm(numbers(scope, 1), 1e-5, 1), feeds));
      Tape tape = new Tape(ws);
      Segments rows = Segments.of(new int[] {ROWS}, new long[1], ws);
      Pass p = new Pass(tape, rows, ws, Kernels.plain(), Dropout.NONE);
      Tensor inner = ws.take(Dtype.F64, ROWS, 1);
      Tensor sum = ws.take(Dtype.F64, ROWS, WIDTH);
      var g = new Residual.Gradient(sum, sum, ws.take(Dtype.F64, ROWS, WIDTH));
      Residual r = new Residual(numbers(scope, ROWS), true, ws);
      layer.forward(r, inner, level, p);
      p.kernels().elementwise().copy(numbers(scope, ROWS), sum);
      layer.backward(r, g, inner, false, p);
      assertThatThrownBy(() -> tape.pop(Tape.Entry.class)).hasMessageEndingWith("found nothing");
      List<Double> all = new ArrayList<>();
      for (long i = 0; i < sum.elements(); i++) {
        all.add(sum.at(i));
      }
      return all;
    }
  }

  private static Tensor numbers(Scope scope, int rows) {
    Tensor t = scope.tensor(Dtype.F64, rows, WIDTH);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, Math.sin(1 + 3 * i));
    }
    return t;
  }
}
