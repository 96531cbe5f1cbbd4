package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Shapes.F;
import static dev.nudge.kernel.simd.Shapes.LANES;
import static dev.nudge.kernel.simd.Shapes.LE;
import static dev.nudge.kernel.simd.Shapes.padded;

import dev.nudge.kernel.SwiGlu;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Gates in one loop forward; backward in two, the logistic function first.
final class VectorSwiGlu implements SwiGlu {
  private final SwiGlu doubles = new SwiGlu.Plain();

  @Override
  public void forward(Tensor gate, Tensor up, Tensor out) {
    if (gate.dtype() == Dtype.F64) {
      doubles.forward(gate, up, out);
      return;
    }
    SwiGlu.check("gate", gate, gate);
    SwiGlu.check("up", up, gate);
    SwiGlu.check("out", out, gate);
    Scratch scratch = Scratch.get();
    Strip e = scratch.a;
    Strip u = scratch.b;
    Strip h = scratch.c;
    int m = gate.cols();
    for (int r = 0; r < gate.rows(); r++) {
      for (int c = 0, n; c < m; c += n) {
        n = Strip.piece(m - c);
        e.load(gate, r, c, n);
        u.load(up, r, c, n);
        h.open(out, r, c, n);
        gated(e.segment(), e.at(), u.segment(), u.at(), h.segment(), h.at(), padded(n));
        h.store(out, r, c, n);
      }
    }
  }

  @Override
  public void backward(Tensor dh, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
    if (gate.dtype() == Dtype.F64) {
      doubles.backward(dh, gate, up, dGate, dUp);
      return;
    }
    SwiGlu.check("gate", gate, gate);
    SwiGlu.check("dh", dh, gate);
    SwiGlu.check("up", up, gate);
    SwiGlu.check("dGate", dGate, gate);
    SwiGlu.check("dUp", dUp, gate);
    Scratch scratch = Scratch.get();
    Strip e = scratch.a;
    Strip u = scratch.b;
    Strip d = scratch.c;
    Strip logistic = scratch.d;
    Strip dE = scratch.e;
    Strip dU = scratch.f;
    logistic.scratch();
    int m = gate.cols();
    for (int r = 0; r < gate.rows(); r++) {
      for (int c = 0, n; c < m; c += n) {
        n = Strip.piece(m - c);
        e.load(gate, r, c, n);
        u.load(up, r, c, n);
        d.load(dh, r, c, n);
        dE.open(dGate, r, c, n);
        dU.open(dUp, r, c, n);
        logistic(e.segment(), e.at(), logistic.segment(), padded(n));
        gradients(
            e.segment(),
            e.at(),
            u.segment(),
            u.at(),
            d.segment(),
            d.at(),
            logistic.segment(),
            dE.segment(),
            dE.at(),
            dU.segment(),
            dU.at(),
            padded(n));
        dE.store(dGate, r, c, n);
        dU.store(dUp, r, c, n);
      }
    }
  }

  private static void gated(
      MemorySegment e, long eAt, MemorySegment u, long uAt, MemorySegment h, long hAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, e, eAt + 4L * i, LE);
      FloatVector y = FloatVector.fromMemorySegment(F, u, uAt + 4L * i, LE);
      x.mul(y).div(Exp.exp(x.neg()).add(1f)).intoMemorySegment(h, hAt + 4L * i, LE);
    }
  }

  private static void logistic(MemorySegment e, long at, MemorySegment to, int n) {
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, e, at + 4L * i, LE);
      one.div(Exp.exp(x.neg()).add(1f)).intoMemorySegment(to, 4L * i, LE);
    }
  }

  private static void gradients(
      MemorySegment e,
      long eAt,
      MemorySegment u,
      long uAt,
      MemorySegment d,
      long dAt,
      MemorySegment logistic,
      MemorySegment dE,
      long dEAt,
      MemorySegment dU,
      long dUAt,
      int n) {
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, e, eAt + 4L * i, LE);
      FloatVector y = FloatVector.fromMemorySegment(F, u, uAt + 4L * i, LE);
      FloatVector g = FloatVector.fromMemorySegment(F, d, dAt + 4L * i, LE);
      FloatVector s = FloatVector.fromMemorySegment(F, logistic, 4L * i, LE);
      FloatVector gs = g.mul(s);
      gs.mul(x).intoMemorySegment(dU, dUAt + 4L * i, LE);
      FloatVector slope = one.sub(s).fma(x, one);
      gs.mul(y).mul(slope).intoMemorySegment(dE, dEAt + 4L * i, LE);
    }
  }
}
