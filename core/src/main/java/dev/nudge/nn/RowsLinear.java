package dev.nudge.nn;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// An output head in which only the rows of new tokens train.
public final class RowsLinear implements Linear {
  private final Linear table;
  private final TokenRows rows;

  private RowsLinear(Linear table, TokenRows rows) {
    this.table = table;
    this.rows = rows;
  }

  /// Wraps a head.
  ///
  /// @param table the head with the whole table, the trained rows included
  public static RowsLinear of(Linear table, TokenRows rows) {
    return new RowsLinear(table, rows);
  }

  @Override
  public int in() {
    return table.in();
  }

  @Override
  public int out() {
    return table.out();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    table.forward(x, y, p);
  }

  /// @throws UnsupportedOperationException always: HeadLoss computes the gradient, see [#beside]
  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    throw new UnsupportedOperationException("HeadLoss computes the gradient of an output head");
  }

  @Override
  public HeadLoss.Beside beside(Pass p, int @Nullable [] picked) {
    return (r, ws) -> rows.head(r.dz(), r.h(), ws);
  }

  @Override
  public boolean changes() {
    return true;
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return table.weight(from, to, ws, kernels);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    rows.parameters(each);
  }
}
