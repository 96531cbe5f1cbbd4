package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.MAX;

import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.AdamW8;
import dev.nudge.kernel.DynamicMap;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/// Updates four blocks at a time in passes that stay in L1: decode, moments, parameters, absmax,
/// encode.
///
final class VectorAdamW8 implements AdamW8 {
  private final Codes signed = new Codes(DynamicMap.SIGNED);
  private final Codes unsigned = new Codes(DynamicMap.UNSIGNED);

  @Override
  public void step(
      Tensor master,
      @Nullable Tensor work,
      Tensor grad,
      Tensor m,
      Tensor mMax,
      Tensor v,
      Tensor vMax,
      AdamW.Hyper h) {
    AdamW8.check(master, work, grad, m, mMax, v, vMax);
    Scratch scratch = Scratch.get();
    Strip p = scratch.a;
    Strip g = scratch.b;
    float[] first = scratch.first;
    float[] second = scratch.second;
    int cols = master.cols();
    for (int c = 0, n; c < cols; c += n) {
      n = Math.min(Strip.BLOCK, cols - c);
      decode(signed, m, mMax, c, first, n);
      decode(unsigned, v, vMax, c, second, n);
      p.load(master, 0, c, n);
      g.load(grad, 0, c, n);
      moments(g, first, second, padded(n), h);
      parameters(p, first, second, padded(n), h);
      p.store(master, 0, c, n);
      if (work != null) {
        p.store(work, 0, c, n);
      }
      encode(signed, first, n, m, mMax, c);
      encode(unsigned, second, n, v, vMax, c);
    }
  }

  private static void decode(Codes map, Tensor codes, Tensor maxima, int c, float[] to, int n) {
    for (int at = 0, k; at < n; at += k) {
      k = Math.min(BLOCK, n - at);
      float largest = maxima.data().get(JAVA_FLOAT_UNALIGNED, (c + at) / BLOCK * 4L);
      map.decode(codes.data(), c + at, largest, to, at, k);
    }
    for (int i = n; i % LANES != 0; i++) {
      to[i] = 0;
    }
  }

  private static void encode(Codes map, float[] x, int n, Tensor codes, Tensor maxima, int c) {
    for (int at = 0, k; at < n; at += k) {
      k = Math.min(BLOCK, n - at);
      float largest = largest(x, at, padded(k));
      largest = largest < Float.MIN_NORMAL ? 0 : largest;
      maxima.data().set(JAVA_FLOAT_UNALIGNED, (c + at) / BLOCK * 4L, largest);
      map.encode(x, at, largest, codes.data(), c + at, k);
    }
  }

  private static void moments(Strip grad, float[] first, float[] second, int n, AdamW.Hyper h) {
    MemorySegment grads = grad.segment();
    long gradAt = grad.at();
    float clip = (float) h.clip();
    float rest1 = (float) (1 - h.beta1());
    float beta2 = (float) h.beta2();
    float rest2 = (float) (1 - h.beta2());
    for (int i = 0; i < n; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(F, grads, gradAt + 4L * i, LE).mul(clip);
      FloatVector m = FloatVector.fromArray(F, first, i);
      m.add(g.sub(m).mul(rest1)).intoArray(first, i);
      FloatVector v = FloatVector.fromArray(F, second, i);
      v.mul(beta2).add(g.mul(rest2).mul(g)).intoArray(second, i);
    }
  }

  private static void parameters(Strip p, float[] first, float[] second, int n, AdamW.Hyper h) {
    MemorySegment ps = p.segment();
    long pAt = p.at();
    float decay = (float) (-h.lr() * h.decay());
    float size = (float) -h.stepSize();
    float correction = (float) (1 / h.correction());
    float eps = (float) h.eps();
    for (int i = 0; i < n; i += LANES) {
      FloatVector old = FloatVector.fromMemorySegment(F, ps, pAt + 4L * i, LE);
      FloatVector m = FloatVector.fromArray(F, first, i);
      FloatVector v = FloatVector.fromArray(F, second, i);
      FloatVector change = m.div(v.sqrt().mul(correction).add(eps));
      old.add(old.mul(decay)).add(change.mul(size)).intoMemorySegment(ps, pAt + 4L * i, LE);
    }
  }

  private static float largest(float[] x, int at, int n) {
    FloatVector largest = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      largest = largest.max(FloatVector.fromArray(F, x, at + i).abs());
    }
    return largest.reduceLanes(MAX);
  }
}
