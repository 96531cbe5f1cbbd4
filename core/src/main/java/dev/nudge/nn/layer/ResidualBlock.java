package dev.nudge.nn.layer;

import dev.nudge.nn.Linear;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A residual block, half of a decoder layer: x + scale·behind(body(before(x))), norms optional.
///
/// @param before the norm of the body's input (pre-norm); null: none
/// @param behind the norm of the body's output (post-norm); null: none
/// @param scale residual multiplier
public record ResidualBlock(@Nullable Norm before, Body body, @Nullable Norm behind, double scale) {
  /// A block with only a pre-norm, as in most families.
  public ResidualBlock(Norm before, Body body) {
    this(before, body, null, 1);
  }

  /// The body's output and its 1/rms, for the backward pass of the norm behind.
  private record Raw(Tensor y, Tensor rstd) implements Tape.Entry {}

  /// Adds the pending branch to the stream and writes the body's input into `r.branch()`.
  ///
  /// @param sum buffer of the sum; null if and only if nothing is pending
  Norm.Saved enter(Residual r, @Nullable Tensor sum, Pass p) {
    if (before != null) {
      return before.forward(r, sum, p);
    }
    if (sum != null) {
      if (sum != r.x()) {
        p.kernels().elementwise().copy(r.x(), sum);
      }
      p.kernels().elementwise().add(r.branch(), sum);
      r.settle(sum);
    }
    p.kernels().elementwise().copy(r.x(), r.branch());
    return new Norm.Saved(r.x(), null);
  }

  /// Recomputes the body's input into `branch`.
  void enterAgain(Norm.Saved s, Tensor branch, Pass p) {
    if (before != null) {
      before.again(s, branch, p);
    } else {
      p.kernels().elementwise().copy(s.x(), branch);
    }
  }

  /// Allocates memory for the results that the body may keep.
  Body.@Nullable Activations kept(Residual r, Workspace ws) {
    return body.kept(r.branch(), ws);
  }

  /// Runs the body on `r.branch()` and leaves its output there, pending.
  void run(Residual r, Tensor inner, Body.@Nullable Activations kept, Pass p) {
    Tensor y = raw(r, p);
    body.forward(r.branch(), y, inner, kept, p);
    leave(r, y, p);
  }

  /// Runs the body like [#run], from the kept results.
  void runAgain(Residual r, Tensor inner, Body.Activations kept, Pass p) {
    Tensor y = raw(r, p);
    body.again(r.branch(), y, inner, kept, p);
    leave(r, y, p);
  }

  /// Recomputes the tape entries of [#run]; `r.branch()` is undefined afterwards.
  ///
  /// @param kept null if the results were not kept
  void saveAgain(Residual r, Tensor inner, Body.@Nullable Activations kept, Pass p) {
    Tensor y = behind == null ? null : raw(r, p);
    body.again(r.branch(), y, inner, kept, p);
    if (behind != null && y != null) {
      p.taped().push(new Raw(y, behind.normalise(y, r.branch(), p)));
    }
  }

  private Tensor raw(Residual r, Pass p) {
    Tensor branch = r.branch();
    return behind == null || p.tape() == null
        ? branch
        : p.ws().take(branch.dtype(), branch.rows(), branch.cols());
  }

  private void leave(Residual r, Tensor y, Pass p) {
    if (behind != null) {
      Tensor rstd = behind.normalise(y, r.branch(), p);
      if (p.tape() != null) {
        p.tape().push(new Raw(y, rstd));
      }
    }
    if (scale != 1) {
      p.kernels().elementwise().scale(r.branch(), scale);
    }
    r.added();
  }

  /// Computes the gradient of the body's input from the stream's gradient.
  ///
  /// @param dx accumulator type, written; null: not computed
  /// @return the gradients that need the body's input
  Linear.Gradients backward(Residual.Gradient g, @Nullable Tensor dx, Tensor inner, Pass p) {
    return body.backward(behind == null && scale == 1 ? g.low() : through(g, p), dx, inner, p);
  }

  /// Returns the body output's gradient, in the compute type.
  private Tensor through(Residual.Gradient g, Pass p) {
    Raw raw = behind == null ? null : p.taped().pop(Raw.class);
    Workspace ws = p.ws();
    Dtype acc = g.sum().dtype();
    Tensor low = ws.take(g.low().dtype(), g.sum().rows(), g.sum().cols());
    int mark = ws.mark();
    Tensor dy = ws.take(acc, low.rows(), low.cols());
    p.kernels().elementwise().copy(g.sum(), dy);
    if (scale != 1) {
      p.kernels().elementwise().scale(dy, scale);
    }
    if (behind == null || raw == null) {
      p.kernels().elementwise().copy(dy, low);
    } else {
      behind.backward(new Norm.Saved(raw.y(), raw.rstd()), dy, low, p);
    }
    ws.release(mark);
    return low;
  }

  /// Adds the gradient of the body's input (`g.normed`), through the norm, to the stream's.
  ///
  /// @param read buffer for the body's input, which is recomputed
  void enterBackward(Norm.Saved s, Residual.Gradient g, Tensor read, Pass p) {
    if (before != null) {
      before.backward(s, g, read, p);
      return;
    }
    p.kernels().elementwise().add(g.normed(), g.sum());
    if (g.lowOrNull() != null) {
      p.kernels().elementwise().copy(g.sum(), g.low());
    }
    p.kernels().elementwise().copy(s.x(), read);
  }

  /// Returns whether the pre-norm trains.
  boolean entryTrains() {
    return before != null && before.trained() != null;
  }

  /// Visits the parameters that train, in the order of the model.
  void parameters(Consumer<Parameter> each) {
    visit(before, each);
    body.parameters(each);
    visit(behind, each);
  }

  private static void visit(@Nullable Norm norm, Consumer<Parameter> each) {
    if (norm != null && norm.trained() != null) {
      each.accept(norm.trained());
    }
  }
}
