package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;
import static jdk.incubator.vector.VectorOperators.LT;

import dev.nudge.kernel.Glu;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Computes GLU and its gradients strip by strip: exp(−t) first, then the rest; for SiLU in one
/// loop over bf16.
record VectorGlu(Glu under, Activation activation) implements Glu {
  private static final float SLOPE = (float) Activation.SLOPE;
  private static final float CUBE = (float) (Activation.SLOPE * Activation.CUBE);

  @Override
  public void forward(Tensor gate, Tensor up, Tensor out) {
    if (gate.dtype() == Dtype.F64) {
      under.forward(gate, up, out);
      return;
    }
    Glu.check("gate", gate, gate);
    Glu.check("up", up, gate);
    Glu.check("out", out, gate);
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
        if (activation == Activation.SILU && Bf16Sweeps.take(gate, n)) {
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
        powers(e, powers, n);
        u.load(up, r, c, n);
        h.open(out, r, c, n);
        if (activation == Activation.SIGMOID) {
          opened(u, powers.segment(), h, padded(n));
        } else {
          gated(e, u, powers.segment(), h, padded(n));
        }
        h.store(out, r, c, n);
      }
    }
  }

  @Override
  public void backward(Tensor dh, Tensor gate, Tensor up, Tensor dGate, Tensor dUp, Tensor h) {
    if (gate.dtype() == Dtype.F64) {
      under.backward(dh, gate, up, dGate, dUp, h);
      return;
    }
    Glu.check("gate", gate, gate);
    Glu.check("dh", dh, gate);
    Glu.check("up", up, gate);
    Glu.check("dGate", dGate, gate);
    Glu.check("dUp", dUp, gate);
    Glu.check("h", h, gate);
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
        if (activation == Activation.SILU && Bf16Sweeps.take(gate, n)) {
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
        powers(e, powers, n);
        u.load(up, r, c, n);
        d.load(dh, r, c, n);
        dE.open(dGate, r, c, n);
        dU.open(dUp, r, c, n);
        switch (activation) {
          case SILU -> gradients(e, u, d, powers.segment(), dE, dU, padded(n));
          case GELU_TANH -> curved(e, u, d, powers.segment(), dE, dU, padded(n));
          case SIGMOID -> opening(u, d, powers.segment(), dE, dU, padded(n));
        }
        dE.store(dGate, r, c, n);
        dU.store(dUp, r, c, n);
        powers.store(h, r, c, n);
      }
    }
  }

  /// powers ← exp(−t(e)).
  private void powers(Strip e, Strip powers, int n) {
    if (activation == Activation.GELU_TANH) {
      inner(e.segment(), e.at(), powers.segment(), padded(n));
      Exp.pass(powers.segment(), 0, powers.segment(), 0, padded(n), -1, 0);
    } else {
      Exp.pass(e.segment(), e.at(), powers.segment(), 0, padded(n), -1, 0);
    }
  }

  private static void inner(MemorySegment e, long at, MemorySegment to, int n) {
    FloatVector slope = FloatVector.broadcast(F, SLOPE);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, e, at + 4L * i, LE);
      x.mul(x).fma(FloatVector.broadcast(F, CUBE), slope).mul(x).intoMemorySegment(to, 4L * i, LE);
    }
  }

  private static void gated(Strip e, Strip u, MemorySegment powers, Strip h, int n) {
    long eAt = e.at();
    long uAt = u.at();
    long hAt = h.at();
    MemorySegment es = e.segment();
    MemorySegment us = u.segment();
    MemorySegment hs = h.segment();
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, es, eAt + 4L * i, LE);
      FloatVector y = FloatVector.fromMemorySegment(F, us, uAt + 4L * i, LE);
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      one.div(p.add(1f)).mul(x).mul(y).intoMemorySegment(hs, hAt + 4L * i, LE);
    }
  }

  /// @param powers overwritten by h
  private static void gradients(
      Strip e, Strip u, Strip d, MemorySegment powers, Strip dE, Strip dU, int n) {
    long eAt = e.at();
    long uAt = u.at();
    long dAt = d.at();
    long dEAt = dE.at();
    long dUAt = dU.at();
    MemorySegment es = e.segment();
    MemorySegment us = u.segment();
    MemorySegment ds = d.segment();
    MemorySegment dEs = dE.segment();
    MemorySegment dUs = dU.segment();
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, es, eAt + 4L * i, LE);
      FloatVector y = FloatVector.fromMemorySegment(F, us, uAt + 4L * i, LE);
      FloatVector g = FloatVector.fromMemorySegment(F, ds, dAt + 4L * i, LE);
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      FloatVector s = one.div(p.add(1f));
      FloatVector gated = s.mul(x);
      gated.mul(y).intoMemorySegment(powers, 4L * i, LE);
      g.mul(gated).intoMemorySegment(dUs, dUAt + 4L * i, LE);
      FloatVector slope = one.sub(s).fma(x, one).mul(s);
      g.mul(y).mul(slope).intoMemorySegment(dEs, dEAt + 4L * i, LE);
    }
  }

  /// Like it, for GELU.
  private static void curved(
      Strip e, Strip u, Strip d, MemorySegment powers, Strip dE, Strip dU, int n) {
    long eAt = e.at();
    long uAt = u.at();
    long dAt = d.at();
    long dEAt = dE.at();
    long dUAt = dU.at();
    MemorySegment es = e.segment();
    MemorySegment us = u.segment();
    MemorySegment ds = d.segment();
    MemorySegment dEs = dE.segment();
    MemorySegment dUs = dU.segment();
    FloatVector one = FloatVector.broadcast(F, 1f);
    FloatVector slope = FloatVector.broadcast(F, SLOPE);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F, es, eAt + 4L * i, LE);
      FloatVector y = FloatVector.fromMemorySegment(F, us, uAt + 4L * i, LE);
      FloatVector g = FloatVector.fromMemorySegment(F, ds, dAt + 4L * i, LE);
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      FloatVector s = one.div(p.add(1f));
      FloatVector gated = s.mul(x);
      gated.mul(y).intoMemorySegment(powers, 4L * i, LE);
      g.mul(gated).intoMemorySegment(dUs, dUAt + 4L * i, LE);
      FloatVector turn = x.mul(x).fma(FloatVector.broadcast(F, 3 * CUBE), slope).mul(x);
      // 1 − s, without losing digits if s is near 1
      FloatVector rest = one.sub(s).blend(s.mul(p), p.compare(LT, 1f));
      FloatVector rise = rest.fma(turn, one).mul(s);
      g.mul(y).mul(rise).intoMemorySegment(dEs, dEAt + 4L * i, LE);
    }
  }

  /// h ← σ(e)·u.
  private static void opened(Strip u, MemorySegment powers, Strip h, int n) {
    long uAt = u.at();
    long hAt = h.at();
    MemorySegment us = u.segment();
    MemorySegment hs = h.segment();
    for (int i = 0; i < n; i += LANES) {
      FloatVector y = FloatVector.fromMemorySegment(F, us, uAt + 4L * i, LE);
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      y.div(p.add(1f)).intoMemorySegment(hs, hAt + 4L * i, LE);
    }
  }

  /// Gradients of the sigmoid's gate.
  ///
  /// @param powers overwritten by h
  private static void opening(Strip u, Strip d, MemorySegment powers, Strip dE, Strip dU, int n) {
    long uAt = u.at();
    long dAt = d.at();
    long dEAt = dE.at();
    long dUAt = dU.at();
    MemorySegment us = u.segment();
    MemorySegment ds = d.segment();
    MemorySegment dEs = dE.segment();
    MemorySegment dUs = dU.segment();
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      FloatVector y = FloatVector.fromMemorySegment(F, us, uAt + 4L * i, LE);
      FloatVector g = FloatVector.fromMemorySegment(F, ds, dAt + 4L * i, LE);
      FloatVector p = FloatVector.fromMemorySegment(F, powers, 4L * i, LE);
      FloatVector s = one.div(p.add(1f));
      FloatVector rest = one.sub(s).blend(s.mul(p), p.compare(LT, 1f));
      s.mul(y).intoMemorySegment(powers, 4L * i, LE);
      g.mul(s).intoMemorySegment(dUs, dUAt + 4L * i, LE);
      g.mul(y).mul(s).mul(rest).intoMemorySegment(dEs, dEAt + 4L * i, LE);
    }
  }
}
