package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Joins several layers of one input into one that concatenates their outputs.
///
/// An expert's gate and up are two tensors in a file, one matrix for its adapter.
public final class JoinedLinear implements Linear {
  private final List<Linear> parts;
  private final int out;

  private JoinedLinear(List<Linear> parts) {
    this.parts = List.copyOf(parts);
    this.out = parts.stream().mapToInt(Linear::out).sum();
  }

  /// Joins layers without biases.
  public static JoinedLinear of(Linear... parts) {
    return new JoinedLinear(List.of(parts));
  }

  /// The layers, in the order of their outputs.
  public List<Linear> parts() {
    return parts;
  }

  @Override
  public int in() {
    return parts.getFirst().in();
  }

  @Override
  public int out() {
    return out;
  }

  @Override
  public void ask() {
    parts.forEach(Linear::ask);
  }

  private List<Tensor> split(Tensor y) {
    List<Tensor> columns = new ArrayList<>(parts.size());
    int at = 0;
    for (Linear part : parts) {
      columns.add(y.cols(at, at + part.out()));
      at += part.out();
    }
    return columns;
  }

  /// Adds the products of a layer, or of its parts, without adapters.
  ///
  /// @param layer a layer with [#few]
  public static void products(Linear layer, Tensor x, Tensor y, List<DecodeProducts.Product> to) {
    List<Linear> each = parts(layer);
    List<Tensor> ys = layer.under() instanceof JoinedLinear joined ? joined.split(y) : List.of(y);
    for (int i = 0; i < ys.size(); i++) {
      SkinnyProduct.Weight weight = Objects.requireNonNull(each.get(i).few());
      to.add(new DecodeProducts.Product(each.get(i), weight, x, ys.get(i)));
    }
  }

  /// Returns a layer, or its parts, without adapters.
  private static List<Linear> parts(Linear layer) {
    Linear under = layer.under();
    return under instanceof JoinedLinear joined ? joined.parts : List.of(under);
  }

  /// Returns whether the kernel supports a layer's weights, without adapters.
  public static boolean few(Linear layer, Dtype type, SkinnyProduct kernel) {
    return parts(layer).stream()
        .allMatch(each -> DecodeProducts.weight(each, type, kernel) != null);
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    List<Tensor> ys = split(y);
    boolean few = p.few(x, parts, ys);
    for (int i = 0; i < ys.size() && !few; i++) {
      parts.get(i).forward(x, ys.get(i), p);
    }
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    List<Tensor> dys = split(dy);
    List<Gradients> all = new ArrayList<>(dys.size());
    for (int i = 0; i < dys.size(); i++) {
      all.add(parts.get(i).backward(dys.get(i), dx, add || i > 0, p));
    }
    return x -> all.forEach(each -> each.add(x));
  }

  @Override
  public @Nullable Linear ready(int rows, Direction direction, Pass p) {
    int mark = p.ws().mark();
    List<Linear> ready = new ArrayList<>(parts.size());
    for (Linear part : parts) {
      Linear each = part.ready(rows, direction, p);
      if (each == null) {
        p.ws().release(mark);
        return null;
      }
      ready.add(each);
    }
    return new JoinedLinear(ready);
  }

  /// A part may begin between multiples of its grain: then earlier rows are computed too.
  @Override
  public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
    Tensor rows = null;
    int at = 0;
    for (Linear part : parts) {
      int first = Math.max(from, at) - at;
      int last = Math.min(to, at + part.out()) - at;
      int start = first - first % part.grain();
      if (first == from - at && last == to - at) {
        return part.weight(start, last, ws, kernels).rows(first - start, last - start);
      }
      if (first < last) {
        if (rows == null) {
          rows = ws.take(type(kernels), to - from, in());
        }
        int mark = ws.mark();
        Tensor some = part.weight(start, last, ws, kernels).rows(first - start, last - start);
        kernels.elementwise().copy(some, rows.rows(at + first - from, at + last - from));
        ws.release(mark);
      }
      at += part.out();
    }
    return rows == null ? parts.getFirst().weight(0, 0, ws, kernels) : rows;
  }

  /// Returns the type of the parts' weights.
  private Dtype type(Kernels kernels) {
    try (Workspace dry = Workspace.measuring()) {
      return parts.getFirst().weight(0, 1, dry, kernels.dry()).dtype();
    }
  }

  @Override
  public int grain() {
    return parts.stream().mapToInt(Linear::grain).max().orElseThrow();
  }

  @Override
  public boolean changes() {
    return parts.stream().anyMatch(Linear::changes);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    parts.forEach(part -> part.parameters(each));
  }
}
