package dev.nudge.adapter;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Computes a layer's base once for all rows, and for each row the update of its own adapter.
///
/// Which adapter a sequence goes through says [Segments#adapter]. A row gets the bits that it gets
/// where its adapter is the only one. It computes forward only: nothing of it trains.
final class LoraBank implements Linear {
  private final Linear base;
  private final List<@Nullable LoraLinear> updates = new ArrayList<>();

  LoraBank(Linear base) {
    this.base = base;
  }

  /// Sets the update of an adapter; null: it leaves this layer as it is.
  void set(int number, @Nullable LoraLinear update) {
    while (updates.size() <= number) {
      updates.add(null);
    }
    updates.set(number, update);
  }

  @Override
  public int in() {
    return base.in();
  }

  @Override
  public int out() {
    return base.out();
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    base.forward(x, y, p);
    updates(x, y, p);
  }

  @Override
  public FewRows.@Nullable Weight few() {
    return base.few();
  }

  @Override
  public void rest(Tensor x, Tensor y, Pass p) {
    base.rest(x, y, p);
    updates(x, y, p);
  }

  private void updates(Tensor x, Tensor y, Pass p) {
    Segments rows = p.rows();
    if (rows.count() == 1) { // of which x may be some rows
      update(rows.adapter(0), x, y, p);
      return;
    }
    if (x.rows() != rows.rows()) {
      throw new IllegalArgumentException(x.rows() + " of " + rows.rows() + " rows have no owner");
    }
    for (int i = 0, end; i < rows.count(); i = end) {
      int adapter = rows.adapter(i);
      end = i + 1;
      while (end < rows.count() && rows.adapter(end) == adapter) {
        end++;
      }
      int from = rows.start(i);
      int to = rows.start(end - 1) + rows.length(end - 1);
      update(adapter, x.rows(from, to), y.rows(from, to), p);
    }
  }

  private void update(int adapter, Tensor x, Tensor y, Pass p) {
    LoraLinear update = adapter < 0 || adapter >= updates.size() ? null : updates.get(adapter);
    if (update != null) {
      update.update(x, y, p);
    }
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    throw new IllegalStateException("a bank of adapters does not train");
  }

  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    return base.weight(from, to, ws, kernels);
  }

  @Override
  public int grain() {
    return base.grain();
  }

  @Override
  public @Nullable Tensor bias() {
    return base.bias();
  }

  @Override
  public Linear withWeight(Tensor weight) {
    return base.withWeight(weight);
  }

  @Override
  public Linear under() {
    return base.under();
  }

  @Override
  public void parameters(Consumer<Parameter> each) {}
}
