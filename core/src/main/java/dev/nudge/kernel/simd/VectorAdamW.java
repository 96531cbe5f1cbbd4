package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;

import dev.nudge.kernel.AdamW;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/// Updates strip by strip: both moments in one loop, the parameter in the next.
record VectorAdamW(AdamW under) implements AdamW {
  @Override
  public void step(Tensor master, @Nullable Tensor work, Tensor grad, Tensor m, Tensor v, Hyper h) {
    if (master.dtype() == Dtype.F64 || (work != null && work.dtype() == Dtype.F64)) {
      under.step(master, work, grad, m, v, h);
      return;
    }
    AdamW.check(master, work, grad, m, v);
    Scratch scratch = Scratch.get();
    Strip p = scratch.a;
    Strip g = scratch.b;
    Strip first = scratch.c;
    Strip second = scratch.d;
    int cols = master.cols();
    for (int r = 0; r < master.rows(); r++) {
      for (int c = 0, n; c < cols; c += n) {
        n = Strip.piece(cols - c);
        p.load(master, r, c, n);
        g.load(grad, r, c, n);
        first.load(m, r, c, n);
        second.load(v, r, c, n);
        moments(g, first, second, padded(n), h);
        parameters(p, first, second, padded(n), h);
        first.store(m, r, c, n);
        second.store(v, r, c, n);
        p.store(master, r, c, n);
        if (work != null) {
          p.store(work, r, c, n);
        }
      }
    }
  }

  private static void moments(Strip grad, Strip first, Strip second, int n, Hyper h) {
    MemorySegment grads = grad.segment();
    long gradAt = grad.at();
    MemorySegment firsts = first.segment();
    long firstAt = first.at();
    MemorySegment seconds = second.segment();
    long secondAt = second.at();
    float clip = (float) h.clip();
    float rest2 = (float) (1 - h.beta2());
    FloatVector share = FloatVector.broadcast(F, (float) (1 - h.beta1()));
    FloatVector keep = FloatVector.broadcast(F, (float) h.beta2());
    for (int i = 0; i < n; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(F, grads, gradAt + 4L * i, LE).mul(clip);
      FloatVector a = FloatVector.fromMemorySegment(F, firsts, firstAt + 4L * i, LE);
      g.sub(a).fma(share, a).intoMemorySegment(firsts, firstAt + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, seconds, secondAt + 4L * i, LE);
      b.fma(keep, g.mul(rest2).mul(g)).intoMemorySegment(seconds, secondAt + 4L * i, LE);
    }
  }

  private static void parameters(Strip p, Strip first, Strip second, int n, Hyper h) {
    MemorySegment ps = p.segment();
    long pAt = p.at();
    MemorySegment firsts = first.segment();
    long firstAt = first.at();
    MemorySegment seconds = second.segment();
    long secondAt = second.at();
    FloatVector shrink = FloatVector.broadcast(F, (float) (-h.lr() * h.decay()));
    FloatVector step = FloatVector.broadcast(F, (float) -h.stepSize());
    FloatVector scale = FloatVector.broadcast(F, (float) (1 / h.correction()));
    FloatVector floor = FloatVector.broadcast(F, (float) h.eps());
    for (int i = 0; i < n; i += LANES) {
      FloatVector old = FloatVector.fromMemorySegment(F, ps, pAt + 4L * i, LE);
      FloatVector a = FloatVector.fromMemorySegment(F, firsts, firstAt + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, seconds, secondAt + 4L * i, LE);
      FloatVector change = a.div(b.sqrt().fma(scale, floor));
      change.fma(step, old.fma(shrink, old)).intoMemorySegment(ps, pAt + 4L * i, LE);
    }
  }
}
