package dev.nudge.nn.layer;

import dev.nudge.kernel.Attend.Shape;
import dev.nudge.kernel.AttentionSinks;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// An extra logit of each head, without a value ([AttentionSinks]).
///
/// @param logits (1, heads) in the compute type
/// @param trained null: they are frozen
public record Sinks(Tensor logits, @Nullable Parameter trained) {
  void forward(Shape shape, Attention.Output output, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count() && !p.ws().dry(); i++) {
      Tensor out = rows.part(output.out(), i);
      Tensor lse = lse(shape, output, rows, i);
      p.ws()
          .rows(
              out.rows(),
              out.cols(),
              (from, to) -> AttentionSinks.forward(shape, out, lse, logits, from, to));
    }
  }

  /// Adds the gradient, if the sinks train.
  void backward(Shape shape, Attention.Output output, Tensor dOut, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count() && trained != null && !p.ws().dry(); i++) {
      int from = rows.start(i);
      AttentionSinks.backward(
          shape,
          rows.part(output.out(), i),
          lse(shape, output, rows, i),
          dOut.rows(from, from + rows.length(i)),
          logits,
          trained.gradient(p.ws().lane()));
    }
  }

  private static Tensor lse(Shape shape, Attention.Output output, Segments rows, int i) {
    int from = rows.start(i);
    return output.lse().rows(shape.count() * from, shape.count() * (from + rows.length(i)));
  }
}
