package dev.nudge.nn;

import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Computes linear layers of one input, such as q, k, v or gate, up: each in its own slot, or fused
/// in one whose output is split by columns.
public final class SplitLinear {
  private final List<LinearSlot> slots;
  private final int[] widths;
  private final boolean packed;

  private SplitLinear(List<LinearSlot> slots, int[] widths, boolean packed) {
    this.slots = List.copyOf(slots);
    this.widths = widths.clone();
    this.packed = packed;
  }

  /// Joins layers of separate slots.
  public static SplitLinear of(LinearSlot... slots) {
    int[] widths = new int[slots.length];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = slots[i].linear().out();
    }
    return new SplitLinear(List.of(slots), widths, false);
  }

  /// Splits one fused layer, whose output concatenates the parts.
  public static SplitLinear packed(LinearSlot slot, int... widths) {
    return new SplitLinear(List.of(slot), widths, true);
  }

  /// The outputs of the layers.
  ///
  /// @param outputs of the slots
  /// @param parts the outputs, split by columns if the slot is fused
  public record Parts(List<Tensor> outputs, List<Tensor> parts) {
    public Tensor get(int i) {
      return parts.get(i);
    }
  }

  /// Columns of part `i`.
  public int width(int i) {
    return widths[i];
  }

  /// Prefetches weights, see [Linear#ask].
  public void ask() {
    slots.forEach(slot -> slot.linear().ask());
  }

  /// Returns whether [#together] supports these layers without adapters.
  public boolean few(Dtype type, SkinnyProduct kernel) {
    return slots.stream().allMatch(slot -> JoinedLinear.few(slot.linear(), type, kernel));
  }

  /// True if no layer has an adapter.
  public boolean bare() {
    return slots.stream().allMatch(slot -> slot.linear().under() == slot.linear());
  }

  /// Computes several of equal shape, each from its own rows, as one parallel task, without
  /// adapters.
  ///
  /// @param xs rows of each, in the order of the parts' rows
  public static Parts together(List<SplitLinear> all, List<Tensor> xs, Pass p) {
    SplitLinear first = all.getFirst();
    int rows = xs.stream().mapToInt(Tensor::rows).sum();
    List<Tensor> outputs = first.room(xs.getFirst().dtype(), rows, p);
    List<DecodeProducts.Product> products = new ArrayList<>();
    for (int i = 0, at = 0; i < all.size(); i++) {
      int end = at + xs.get(i).rows();
      for (int s = 0; s < outputs.size(); s++) {
        Linear layer = all.get(i).slots.get(s).linear();
        JoinedLinear.products(layer, xs.get(i), outputs.get(s).rows(at, end), products);
      }
      at = end;
    }
    p.fewOf(products, true);
    return first.parts(outputs);
  }

  private List<Tensor> room(Dtype type, int rows, Pass p) {
    List<Tensor> outputs = new ArrayList<>(slots.size());
    for (LinearSlot slot : slots) {
      outputs.add(p.ws().take(type, rows, slot.linear().out()));
    }
    return outputs;
  }

  /// Computes all parts from `x`, in the workspace.
  public Parts forward(Tensor x, Pass p) {
    List<Tensor> outputs = room(x.dtype(), x.rows(), p);
    List<Linear> layers = slots.stream().map(LinearSlot::linear).toList();
    boolean few = p.few(x, layers, outputs);
    for (int i = 0; i < outputs.size() && !few; i++) {
      layers.get(i).forward(x, outputs.get(i), p);
    }
    return parts(outputs);
  }

  private Parts parts(List<Tensor> outputs) {
    if (!packed) {
      return new Parts(outputs, outputs);
    }
    List<Tensor> parts = new ArrayList<>(widths.length);
    for (int i = 0, at = 0; i < widths.length; at += widths[i++]) {
      parts.add(outputs.getFirst().cols(at, at + widths[i]));
    }
    return new Parts(outputs, parts);
  }

  /// Computes dx from the gradients that overwrote the parts; slots run in reverse order.
  ///
  /// @return the gradients that need the input
  public Linear.Gradients backward(Parts written, @Nullable Tensor dx, Pass p) {
    Linear.Gradients[] gradients = new Linear.Gradients[slots.size()];
    for (int i = gradients.length - 1; i >= 0; i--) {
      boolean add = i < gradients.length - 1;
      gradients[i] = slots.get(i).linear().backward(written.outputs().get(i), dx, add, p);
    }
    return x -> {
      for (Linear.Gradients each : gradients) {
        each.add(x);
      }
    };
  }

  /// Visits the parameters that train.
  public void parameters(Consumer<Parameter> each) {
    slots.forEach(slot -> slot.linear().parameters(each));
  }
}
