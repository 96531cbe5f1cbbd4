package dev.nudge.nn.layer;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.KeyValues;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.nn.SequenceSplit;
import dev.nudge.nn.Share;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Computes attention of a lane's own queries over a sequence that is split over all lanes.
///
/// Each lane copies the keys and values of its rows into shared memory; after a barrier each lane
/// attends from its two pieces. In the backward pass each lane then computes dQ of its rows and,
/// for all keys that its queries saw, its partial dK and dV, in the accumulator type; after another
/// barrier each lane sums the partial gradients of its own rows, in lane order. So results depend
/// on the split, not on timing.
///
/// The shared memory holds one layer's keys and values at a time: between the passes each lane
/// keeps its own rows only, as with whole sequences. It splits query rows, not heads, because the
/// number of heads need not be a multiple of the lanes.
final class SharedAttention {
  private final Attend.Shape heads;

  SharedAttention(Attend.Shape heads) {
    this.heads = heads;
  }

  /// Allocates keys or values of the whole sequence, (tokens, keyWidth).
  private Tensor take(Tensor own, Pass p) {
    return p.share().shared().take(own.dtype(), p.share().cut().tokens(), heads.keyWidth());
  }

  private static void copy(Tensor own, Tensor all, Pass p) {
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int start = rows.start(i);
      int past = rows.past(i);
      int length = rows.length(i);
      p.kernels()
          .elementwise()
          .copy(own.rows(start, start + length), all.rows(past, past + length));
    }
  }

  /// Computes the output of the lane's own rows from their q, k and v.
  void forward(Tensor q, Tensor k, Tensor v, Attention.Output output, Pass p) {
    Share share = p.share();
    share.shared().release(0);
    Tensor keys = take(k, p);
    Tensor values = take(v, p);
    share.member().claim();
    copy(k, keys, p);
    copy(v, values, p);
    share.member().meet();
    Segments rows = p.rows();
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      int seen = rows.past(i) + rows.length(i);
      p.kernels()
          .attend()
          .forward(
              heads,
              q.rows(from, to),
              KeyValues.of(keys.rows(0, seen), values.rows(0, seen)),
              output.out().rows(from, to),
              output.lse().rows(heads.count() * from, heads.count() * to),
              p.ws(),
              p.kernels());
    }
    share.member().free();
  }

  /// Overwrites the lane's own q, k and v with their gradients.
  void backward(Tensor q, Tensor k, Tensor v, Attention.Output output, Tensor dOut, Pass p) {
    Share share = p.share();
    Workspace shared = share.shared();
    shared.release(0);
    Tensor keys = take(k, p);
    Tensor values = take(v, p);
    Tensor[] dks = new Tensor[share.cut().lanes()];
    Tensor[] dvs = new Tensor[dks.length];
    for (int lane = 0; lane < dks.length; lane++) {
      int rows = heads.keyCount() * share.cut().tokens();
      dks[lane] = shared.take(output.lse().dtype(), rows, heads.dim());
      dvs[lane] = shared.take(output.lse().dtype(), rows, heads.dim());
    }
    share.member().claim();
    copy(k, keys, p);
    copy(v, values, p);
    share.member().meet();
    parts(q, keys, values, output, dOut, dks[share.lane()], dvs[share.lane()], p);
    share.member().meet();
    for (int part = 0; part < 2; part++) {
      sum(dks, part, k, p);
      sum(dvs, part, v, p);
    }
    share.member().free();
  }

  /// Computes the late piece first: it writes the gradients of all keys, the early piece adds.
  private void parts(
      Tensor q,
      Tensor keys,
      Tensor values,
      Attention.Output output,
      Tensor dOut,
      Tensor dk,
      Tensor dv,
      Pass p) {
    Segments rows = p.rows();
    boolean add = false;
    for (int i = rows.count() - 1; i >= 0; i--) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      int seen = rows.past(i) + rows.length(i);
      if (from < to) {
        p.kernels()
            .attend()
            .backwardPart(
                heads,
                q.rows(from, to),
                keys.rows(0, seen),
                values.rows(0, seen),
                output.out().rows(from, to),
                output.lse().rows(heads.count() * from, heads.count() * to),
                dOut.rows(from, to),
                q.rows(from, to),
                dk,
                dv,
                add,
                p.ws(),
                p.kernels());
        add = true;
      }
    }
  }

  /// Sums all lanes' partial gradients of one of this lane's pieces into the first lane's, which
  /// covers every key, and copies the sum out.
  private void sum(Tensor[] parts, int part, Tensor own, Pass p) {
    SequenceSplit cut = p.share().cut();
    Kernels kernels = p.kernels();
    int from = cut.from(p.share().lane(), part);
    int to = cut.to(p.share().lane(), part);
    int start = p.rows().start(part);
    for (int g = 0; g < heads.keyCount() && from < to; g++) {
      int head = g * cut.tokens();
      Tensor sum = parts[0].rows(head + from, head + to);
      for (int lane = 1; lane < parts.length; lane++) {
        if (cut.seen(lane) > from) {
          kernels.elementwise().add(parts[lane].rows(head + from, head + to), sum);
        }
      }
      Tensor dst = own.rows(start, start + to - from);
      kernels.elementwise().copy(sum, dst.cols(g * heads.dim(), (g + 1) * heads.dim()));
    }
  }
}
