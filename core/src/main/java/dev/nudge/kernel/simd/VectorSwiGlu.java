package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;

import dev.nudge.kernel.SwiGlu;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Sweeps over a strip in either direction: exp(−e), then the rest; in one loop over bfloat16.
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
    Strip powers = scratch.d;
    powers.scratch();
    int m = gate.cols();
    for (int r = 0; r < gate.rows(); r++) {
      for (int c = 0, n; c < m; c += n) {
        n = Strip.piece(m - c);
        if (Bf16Sweeps.take(gate, n)) {
          Bf16Sweeps.gated(
              gate.data(),
              Strip.offset(gate, r, c),
              up.data(),
              Strip.offset(up, r, c),
              out.data(),
              Strip.offset(out, r, c),
              n);
          continue;
        }
        e.load(gate, r, c, n);
        Exp.pass(e.segment(), e.at(), powers.segment(), 0, padded(n), -1, 0);
        u.load(up, r, c, n);
        h.open(out, r, c, n);
        gated(
            e.segment(),
            e.at(),
            u.segment(),
            u.at(),
            powers.segment(),
            h.segment(),
            h.at(),
            padded(n));
        h.store(out, r, c, n);
      }
    }
  }

  @Override
  public void backward(Tensor dh, Tensor gate, Tensor up, Tensor dGate, Tensor dUp, Tensor h) {
    if (gate.dtype() == Dtype.F64) {
      doubles.backward(dh, gate, up, dGate, dUp, h);
      return;
    }
    SwiGlu.check("gate", gate, gate);
    SwiGlu.check("dh", dh, gate);
    SwiGlu.check("up", up, gate);
    SwiGlu.check("dGate", dGate, gate);
    SwiGlu.check("dUp", dUp, gate);
    SwiGlu.check("h", h, gate);
    Scratch scratch = Scratch.get();
    Strip e = scratch.a;
    Strip u = scratch.b;
    Strip d = scratch.c;
    Strip powers = scratch.d;
    Strip dE = scratch.e;
    Strip dU = scratch.f;
    powers.scratch();
    int m = gate.cols();
    for (int r = 0; r < gate.rows(); r++) {
      for (int c = 0, n; c < m; c += n) {
        n = Strip.piece(m - c);
        if (Bf16Sweeps.take(gate, n)) {
          Bf16Sweeps.gradients(
              gate.data(),
              Strip.offset(gate, r, c),
              up.data(),
              Strip.offset(up, r, c),
              dh.data(),
              Strip.offset(dh, r, c),
              dGate.data(),
              Strip.offset(dGate, r, c),
              dUp.data(),
              Strip.offset(dUp, r, c),
              h.data(),
              Strip.offset(h, r, c),
              n);
          continue;
        }
        e.load(gate, r, c, n);
        Exp.pass(e.segment(), e.at(), powers.segment(), 0, padded(n), -1, 0);
        u.load(up, r, c, n);
        d.load(dh, r, c, n);
        dE.open(dGate, r, c, n);
        dU.open(dUp, r, c, n);
        gradients(
            e.segment(),
            e.at(),
            u.segment(),
            u.at(),
            d.segment(),
            d.at(),
            powers.segment(),
            dE.segment(),
            dE.at(),
            dU.segment(),
            dU.at(),
            padded(n));
        dE.store(dGate, r, c, n);
        dU.store(dUp, r, c, n);
        powers.store(h, r, c, n);
      }
    }
  }

  private static void gated(
      MemorySegment e,
      long eAt,
      MemorySegment u,
      long uAt,
      MemorySegment powers,
      MemorySegment h,
      long hAt,
      int n) {
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, e, eAt + 4L * i, LE);
      FloatVector y = FloatVector.fromMemorySegment(F, u, uAt + 4L * i, LE);
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      one.div(p.add(1f)).mul(x).mul(y).intoMemorySegment(h, hAt + 4L * i, LE);
    }
  }

  /// @param powers h is written over them
  private static void gradients(
      MemorySegment e,
      long eAt,
      MemorySegment u,
      long uAt,
      MemorySegment d,
      long dAt,
      MemorySegment powers,
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
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      FloatVector s = one.div(p.add(1f));
      FloatVector gated = s.mul(x);
      gated.mul(y).intoMemorySegment(powers, 4L * i, LE);
      g.mul(gated).intoMemorySegment(dU, dUAt + 4L * i, LE);
      FloatVector slope = one.sub(s).fma(x, one).mul(s);
      g.mul(y).mul(slope).intoMemorySegment(dE, dEAt + 4L * i, LE);
    }
  }
}
