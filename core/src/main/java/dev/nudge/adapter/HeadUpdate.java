package dev.nudge.adapter;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.nn.Pass;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Adds the LoRA update of an output head to its logits, chunk by chunk, with gradients.
///
/// S = s·x·Aᵀ is computed twice (forward and backward): rank/vocabulary of the head's work.
///
/// @param below another update of the same head, computed first; null: none
/// @param keys dropout keys of the rows; null: no dropout
record HeadUpdate(LoraLinear lora, HeadLoss.@Nullable Beside below, Pass p, @Nullable Tensor keys)
    implements HeadLoss.Beside {
  @Override
  public void forward(int from, int rows, Tensor h, Tensor z, Workspace ws) {
    if (below != null) {
      below.forward(from, rows, h, z, ws);
    }
    int mark = ws.mark();
    Tensor s = reduced(dropped(from, rows, h, ws), ws);
    ws.gemm().multiply(s, Packed.plain(lora.b().work().transposed()), z, true);
    ws.release(mark);
  }

  @Override
  public void backward(HeadLoss.Rows r, Workspace ws) {
    if (below != null) {
      below.backward(r, ws);
    }
    int mark = ws.mark();
    Tensor x = dropped(r.from(), r.rows(), r.h(), ws);
    Tensor s = reduced(x, ws);
    ws.gemm().multiply(r.dz().transposed(), s, lora.b().gradient(ws.lane()), true);
    Tensor dS = s; // S is not wanted any more
    ws.gemm().multiply(r.dz(), Packed.plain(lora.b().work()), dS, false);
    p.kernels().elementwise().scale(dS, lora.scaling());
    ws.gemm().multiply(dS.transposed(), x, lora.a().gradient(ws.lane()), true);
    if (!drops()) {
      ws.gemm().multiply(dS, Packed.plain(lora.a().work()), r.dh(), true);
    } else {
      Tensor through = ws.take(r.dh().dtype(), r.dh().rows(), r.dh().cols());
      ws.gemm().multiply(dS, Packed.plain(lora.a().work()), through, false);
      drop(through.rows(0, r.rows()), r.dh().rows(0, r.rows()), r.from(), true);
    }
    ws.release(mark);
  }

  private Tensor reduced(Tensor x, Workspace ws) {
    Tensor s = ws.take(x.dtype(), x.rows(), lora.rank());
    ws.gemm().multiply(x, Packed.plain(lora.a().work().transposed()), s, false);
    p.kernels().elementwise().scale(s, lora.scaling());
    return s;
  }

  private boolean drops() {
    return keys != null;
  }

  /// The first `rows` rows after dropout; padding rows stay.
  private Tensor dropped(int from, int rows, Tensor h, Workspace ws) {
    if (!drops()) {
      return h;
    }
    Tensor dropped = ws.take(h.dtype(), h.rows(), h.cols());
    p.kernels().elementwise().copy(h, dropped);
    drop(h.rows(0, rows), dropped.rows(0, rows), from, false);
    return dropped;
  }

  private void drop(Tensor x, Tensor y, int from, boolean add) {
    Tensor of = Objects.requireNonNull(keys).rows(from, from + x.rows());
    p.kernels().elementwise().dropout(x, y, of, lora.salt(p), lora.dropout(), add);
  }
}
