package dev.nudge.nn.layer;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.KeyValues;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Computes attention of sequences that branch off another one, the trunk ([Segments]).
///
/// Keys and values of the shared tokens are copied once; those of one branch at a time are copied
/// after them, so that a branch is the end of one sequence. The backward pass sums dK and dV of the
/// shared tokens in the accumulator type, over the branches in their order, then over the trunk's
/// queries.
final class BranchAttention {
  private final Attend.Shape heads;

  BranchAttention(Attend.Shape heads) {
    this.heads = heads;
  }

  private Tensor lse(Attention.Output output, Segments rows, int i) {
    int from = rows.start(i);
    return output.lse().rows(heads.count() * from, heads.count() * (from + rows.length(i)));
  }

  /// Returns the most tokens of a branch, shared ones included; or 0.
  private static int longest(int trunk, Segments rows) {
    int longest = 0;
    for (int i = trunk + 1; i < rows.behind(trunk); i++) {
      longest = Math.max(longest, rows.past(i) + rows.length(i));
    }
    return longest;
  }

  /// Copies the shared tokens of the trunk to the beginning of `all`.
  private static void share(Tensor own, int trunk, Tensor all, Pass p) {
    int from = p.rows().start(trunk);
    int past = p.rows().past(trunk + 1);
    p.kernels().elementwise().copy(own.rows(from, from + past), all.rows(0, past));
  }

  /// Copies a branch after the shared tokens.
  ///
  /// @return shared and own tokens
  private static Tensor append(Tensor own, int i, Tensor all, Pass p) {
    int past = p.rows().past(i);
    int end = past + p.rows().length(i);
    p.kernels().elementwise().copy(p.rows().part(own, i), all.rows(past, end));
    return all.rows(0, end);
  }

  /// Computes the output of all branches of a trunk.
  void forward(int trunk, Tensor q, Tensor k, Tensor v, Attention.Output output, Pass p) {
    Segments rows = p.rows();
    int longest = longest(trunk, rows);
    if (longest == 0) {
      return;
    }
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor keys = ws.take(k.dtype(), longest, heads.keyWidth());
    Tensor values = ws.take(v.dtype(), longest, heads.keyWidth());
    share(k, trunk, keys, p);
    share(v, trunk, values, p);
    for (int i = trunk + 1; i < rows.behind(trunk); i++) {
      p.kernels()
          .attend()
          .forward(
              heads,
              rows.part(q, i),
              KeyValues.of(append(k, i, keys, p), append(v, i, values, p)),
              rows.part(output.out(), i),
              lse(output, rows, i),
              ws,
              p.kernels());
    }
    ws.release(mark);
  }

  /// Overwrites q, k and v of the trunk and its branches with their gradients.
  void backward(
      int trunk, Tensor q, Tensor k, Tensor v, Attention.Output output, Tensor dOut, Pass p) {
    Segments rows = p.rows();
    Workspace ws = p.ws();
    int mark = ws.mark();
    int past = rows.past(trunk + 1);
    int longest = Math.max(rows.length(trunk), longest(trunk, rows));
    Tensor keys = ws.take(k.dtype(), longest, heads.keyWidth());
    Tensor values = ws.take(v.dtype(), longest, heads.keyWidth());
    Tensor dk = ws.take(output.lse().dtype(), heads.keyCount() * longest, heads.dim());
    Tensor dv = ws.take(output.lse().dtype(), heads.keyCount() * longest, heads.dim());
    share(k, trunk, keys, p);
    share(v, trunk, values, p);
    clear(dk, 0, past, ws);
    clear(dv, 0, past, ws);
    for (int i = trunk + 1; i < rows.behind(trunk); i++) {
      Tensor seen = append(k, i, keys, p);
      part(i, past, q, seen, append(v, i, values, p), output, dOut, dk, dv, p);
      copy(dk, past, rows.part(k, i), p);
      copy(dv, past, rows.part(v, i), p);
    }
    part(trunk, past, q, rows.part(k, trunk), rows.part(v, trunk), output, dOut, dk, dv, p);
    copy(dk, 0, rows.part(k, trunk), p);
    copy(dv, 0, rows.part(v, trunk), p);
    ws.release(mark);
  }

  /// Overwrites q of a sequence with its gradient, and adds its part of dK and dV, which are
  /// cleared after the shared tokens.
  private void part(
      int i,
      int past,
      Tensor q,
      Tensor keys,
      Tensor values,
      Attention.Output output,
      Tensor dOut,
      Tensor dk,
      Tensor dv,
      Pass p) {
    Segments rows = p.rows();
    clear(dk, past, keys.rows(), p.ws());
    clear(dv, past, keys.rows(), p.ws());
    Tensor own = rows.part(q, i);
    p.kernels()
        .attend()
        .backwardPart(
            heads,
            own,
            keys,
            values,
            rows.part(output.out(), i),
            lse(output, rows, i),
            rows.part(dOut, i),
            own,
            dk,
            dv,
            true,
            p.ws(),
            p.kernels());
  }

  /// Clears the rows `from` to `to` of each head.
  private void clear(Tensor gradient, int from, int to, Workspace ws) {
    int stride = gradient.rows() / heads.keyCount();
    for (int g = 0; g < heads.keyCount(); g++) {
      ws.zero(gradient.rows(g * stride + from, g * stride + to));
    }
  }

  /// Copies each head's rows from `from` on out.
  ///
  /// @param to (tokens, keyWidth)
  private void copy(Tensor gradient, int from, Tensor to, Pass p) {
    int stride = gradient.rows() / heads.keyCount();
    for (int g = 0; g < heads.keyCount(); g++) {
      int first = g * stride + from;
      Tensor of = gradient.rows(first, first + to.rows());
      p.kernels().elementwise().copy(of, to.cols(g * heads.dim(), (g + 1) * heads.dim()));
    }
  }
}
