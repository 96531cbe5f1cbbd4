package dev.nudge.model;

import dev.nudge.kernel.HeadDivergence;
import dev.nudge.kernel.HeadLoss;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Linear.Direction;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Norm;
import dev.nudge.nn.PackedLinear;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Residual;
import dev.nudge.nn.StoredLinear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Computes the final norm and the output head, for some rows of the residual stream.
///
/// @param norm the final norm
/// @param slot of the output head
/// @param shape scale and soft cap of the logits
record OutputHead(Norm norm, LinearSlot slot, HeadLoss.Logits shape, Backend backend) {

  /// @return (rows, vocabulary), accumulator type
  Tensor logits(Residual r, int[] rows, Pass p) {
    Residual picked = picked(r, rows, p);
    norm.forward(picked, picked.x(), p);
    Tensor logits = p.ws().take(backend.compute().accumulator(), rows.length, slot.linear().out());
    slot.linear().forward(picked.branch(), logits, p);
    shape.apply(logits, p.kernels());
    return logits;
  }

  /// Computes the log-probability of each target of the batch.
  ///
  /// @param logprob receives the log-probabilities
  /// @param argmax receives the most probable token of each labelled row; may be null
  void score(Residual r, Batch b, double[] logprob, int @Nullable [] argmax, Pass p) {
    Workspace ws = p.ws();
    int m = b.rows().length;
    Residual picked = picked(r, b.rows(), p);
    norm.forward(picked, picked.x(), p);
    Tensor lp = ws.take(Dtype.F64, m, 1);
    Tensor best = argmax == null ? null : ws.take(Dtype.I32, m, 1);
    HeadLoss.score(
        picked.branch(),
        weight(m, ws),
        slot.linear().beside(p, null),
        ws.ints(b.targets()),
        lp,
        best,
        ws,
        backend.kernels());
    for (int i = 0; i < m && !ws.dry(); i++) {
      logprob[i] = lp.at(i);
      if (argmax != null && best != null) {
        argmax[i] = (int) best.at(i);
      }
    }
  }

  /// Computes the weighted cross-entropy and its gradient in chunks of labelled rows, so that only
  /// one chunk of logits is held.
  ///
  /// @param sum receives the gradient of the residual stream (rows, width), accumulator type
  double loss(Residual r, Batch b, double weight, Tensor sum, Pass p) {
    double[] logprobs = new double[b.rows().length];
    loss(r, b, weight, sum, logprobs, p);
    double loss = 0;
    for (int i = 0; i < logprobs.length; i++) {
      loss -= b.weight(i) * logprobs[i];
    }
    return loss;
  }

  /// Like the method above.
  ///
  /// @param logprobs receives the log-probability of each target
  void loss(Residual r, Batch b, double weight, Tensor sum, double[] logprobs, Pass p) {
    Workspace ws = p.ws();
    int m = b.rows().length;
    HeadLoss.Weight head = weight(m, ws);
    Tensor targets = ws.ints(b.targets());
    Tensor logprob = ws.take(Dtype.F64, m, 1);
    int piece = head.chunk(sum.dtype());
    ws.zero(sum);
    for (int from = 0; from < m; from += piece) {
      int to = Math.min(m, from + piece);
      int mark = ws.mark();
      int[] rows = Arrays.copyOfRange(b.rows(), from, to);
      Residual picked = picked(r, rows, p);
      Norm.Saved saved = norm.forward(picked, picked.x(), p);
      Tensor normed = ws.take(sum.dtype(), to - from, sum.cols());
      Tensor dx = ws.take(sum.dtype(), to - from, sum.cols());
      HeadLoss.train(
          picked.branch(),
          head,
          targets.rows(from, to),
          weight,
          b.weights() == null ? null : Arrays.copyOfRange(b.weights(), from, to),
          logprob.rows(from, to),
          normed,
          slot.linear().beside(p, rows),
          ws,
          backend.kernels());
      ws.zero(dx);
      norm.backward(saved, new Residual.Gradient(dx, dx, normed), null, p);
      LabelledRows.spread(dx, rows, sum, p);
      ws.release(mark);
    }
    for (int i = 0; i < m && !ws.dry(); i++) {
      logprobs[i] = logprob.at(i);
    }
  }

  /// Keeps the normalised hidden states of the labelled rows, with the current head.
  ///
  /// @param kept (labelled rows, width), written
  HeadDivergence.Base remember(Residual r, Batch b, Tensor kept, Pass p) {
    Workspace ws = p.ws();
    Residual picked = picked(r, b.rows(), p);
    norm.forward(picked, picked.x(), p);
    p.kernels().elementwise().copy(picked.branch(), kept);
    return new HeadDivergence.Base(kept, weight(1, ws));
  }

  /// Computes the summed divergence from a base over the labelled rows, and the gradient of
  /// `weight` times it, as [#loss] does.
  double divergence(
      HeadDivergence.Base base, Residual r, Batch b, double weight, Tensor sum, Pass p) {
    Workspace ws = p.ws();
    int m = b.rows().length;
    HeadLoss.Weight head = weight(m, ws);
    Tensor targets = ws.ints(b.targets());
    Tensor divergence = ws.take(Dtype.F64, m, 1);
    int piece = HeadDivergence.chunk(head, sum.dtype());
    ws.zero(sum);
    for (int from = 0; from < m; from += piece) {
      int to = Math.min(m, from + piece);
      int mark = ws.mark();
      int[] rows = Arrays.copyOfRange(b.rows(), from, to);
      Residual picked = picked(r, rows, p);
      Norm.Saved saved = norm.forward(picked, picked.x(), p);
      Tensor normed = ws.take(sum.dtype(), to - from, sum.cols());
      Tensor dx = ws.take(sum.dtype(), to - from, sum.cols());
      HeadDivergence.train(
          new HeadDivergence.Base(base.h().rows(from, to), base.weight()),
          picked.branch(),
          head,
          targets.rows(from, to),
          weight,
          divergence.rows(from, to),
          normed,
          slot.linear().beside(p, rows),
          ws,
          backend.kernels());
      ws.zero(dx);
      norm.backward(saved, new Residual.Gradient(dx, dx, normed), null, p);
      LabelledRows.spread(dx, rows, sum, p);
      ws.release(mark);
    }
    double total = 0;
    for (int i = 0; i < m && !ws.dry(); i++) {
      total += divergence.at(i);
    }
    return total;
  }

  /// The weight for products of `rows` labelled rows. A trained weight is packed in each pass with
  /// enough rows to pay for it.
  private HeadLoss.Weight weight(int rows, Workspace ws) {
    Linear head = slot.linear().under();
    if (head instanceof PackedLinear p) {
      return new HeadLoss.Weight(p.factor(Direction.FORWARD), p.factor(Direction.BACKWARD), shape);
    }
    if (head instanceof StoredLinear stored && stored.inPieces()) {
      return HeadLoss.Weight.made(
          (x, y, room) -> stored.multiply(x, Direction.FORWARD, y, room, backend.kernels()),
          (x, y, room) -> stored.multiply(x, Direction.BACKWARD, y, room, backend.kernels()),
          head.out(),
          shape);
    }
    Tensor weight = head.weight(ws, backend.kernels());
    if (!slot.linear().changes() || rows < PackedLinear.ROWS) {
      return HeadLoss.Weight.of(weight, shape);
    }
    Packed up = ws.pack(weight.transposed());
    Packed down = ws.pack(weight);
    if (ws.dry() && PackedWeights.known(backend)) { // products of a dry pass have no such layout
      up = Packed.dry(backend.compute(), weight.cols(), weight.rows());
      down = Packed.dry(backend.compute(), weight.rows(), weight.cols());
    }
    return new HeadLoss.Weight(up, down, shape);
  }

  /// Copies some rows of the residual stream: nothing after the layers needs the others.
  static Residual picked(Residual r, int[] rows, Pass p) {
    Tensor x = p.ws().take(r.x().dtype(), rows.length, r.x().cols());
    Residual picked = new Residual(x, false, p.ws());
    LabelledRows.pick(r.x(), rows, x, p);
    if (r.pending()) {
      LabelledRows.pick(r.branch(), rows, picked.branch(), p);
      picked.added();
    }
    return picked;
  }
}
