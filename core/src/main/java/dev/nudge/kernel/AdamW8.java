package dev.nudge.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Takes one step of [AdamW] with both moments kept in 8 bits [1]: 2.03 bytes a parameter, not 8.
///
/// A moment is split into blocks of 256 numbers. A block keeps its absmax (largest magnitude) in
/// fp32, and for each number x the [DynamicMap] code of x / absmax: the signed map for the first
/// moment, the unsigned map for the second, in which only 0 becomes 0. A step decodes a block,
/// updates it as [AdamW] does, updates the parameters from the unrounded moments, and encodes the
/// block again.
///
/// A block whose absmax is not a normal float is stored as zeros, and zeroed memory is a valid
/// initial state. Each operation is rounded to fp32 alone, so all providers write the same bytes.
///
/// [1] Dettmers et al., 8-bit Optimizers via Block-wise Quantization, ICLR 2022.
public interface AdamW8 {
  /// Numbers in a block, which share an absmax.
  int BLOCK = 256;

  /// Updates master and moments, and writes the working copy.
  ///
  /// @param master (1, n) of F32, as is grad; a matrix is passed as one row
  /// @param work (1, n) of F32 or BF16; null if the master is the working copy
  /// @param m (1, n) of U8: codes of the first moment
  /// @param mMax (1, ⌈n / 256⌉) of F32: absmax of each block
  /// @param v (1, n) of U8: codes of the second moment
  /// @param vMax (1, ⌈n / 256⌉) of F32: absmax of each block
  void step(
      Tensor master,
      @Nullable Tensor work,
      Tensor grad,
      Tensor m,
      Tensor mMax,
      Tensor v,
      Tensor vMax,
      AdamW.Hyper h);

  /// Number of blocks of n numbers.
  static long blocks(long n) {
    return (n + BLOCK - 1) / BLOCK;
  }

  /// Checks the arguments; every provider calls it.
  static void check(
      Tensor master,
      @Nullable Tensor work,
      Tensor grad,
      Tensor m,
      Tensor mMax,
      Tensor v,
      Tensor vMax) {
    int n = master.cols();
    int blocks = (int) blocks(n);
    Rows.shape("master", master, 1, n, Dtype.F32);
    Rows.shape("grad", grad, 1, n, Dtype.F32);
    Rows.shape("m", m, 1, n, Dtype.U8);
    Rows.shape("mMax", mMax, 1, blocks, Dtype.F32);
    Rows.shape("v", v, 1, n, Dtype.U8);
    Rows.shape("vMax", vMax, 1, blocks, Dtype.F32);
    if (work != null) {
      Rows.shape("work", work, 1, n, work.dtype() == Dtype.F32 ? Dtype.F32 : Dtype.BF16);
    }
  }

  /// Decodes `n` numbers: `to[i] ← value of codes[from + i] · largest`.
  static void decode(
      DynamicMap map, MemorySegment codes, long from, float largest, float[] to, int at, int n) {
    for (int i = 0; i < n; i++) {
      to[at + i] = map.value(codes.get(JAVA_BYTE, from + i) & 0xff) * largest;
    }
  }

  /// Encodes `n` numbers of −1 to 1.
  static void encode(DynamicMap map, float[] y, int at, MemorySegment codes, long to, int n) {
    for (int i = 0; i < n; i++) {
      codes.set(JAVA_BYTE, to + i, (byte) map.code(y[at + i]));
    }
  }

  /// Computes in float, number by number.
  final class Plain implements AdamW8 {
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
      check(master, work, grad, m, mMax, v, vMax);
      float[] first = new float[BLOCK];
      float[] second = new float[BLOCK];
      for (int from = 0, n; from < master.cols(); from += n) {
        n = Math.min(BLOCK, master.cols() - from);
        int block = from / BLOCK;
        decode(DynamicMap.SIGNED, m.data(), from, max(mMax, block), first, 0, n);
        decode(DynamicMap.UNSIGNED, v.data(), from, max(vMax, block), second, 0, n);
        moments(grad.data(), from, first, second, n, h);
        parameters(master.data(), from, first, second, n, h);
        if (work != null) {
          copy(master.data(), work, from, n);
        }
        keep(DynamicMap.SIGNED, first, n, m, from, mMax, block);
        keep(DynamicMap.UNSIGNED, second, n, v, from, vMax, block);
      }
    }

    private static float max(Tensor t, int block) {
      return t.data().get(JAVA_FLOAT_UNALIGNED, 4L * block);
    }

    private static void moments(
        MemorySegment grad, long from, float[] m, float[] v, int n, AdamW.Hyper h) {
      float clip = (float) h.clip();
      float rest1 = (float) (1 - h.beta1());
      float beta2 = (float) h.beta2();
      float rest2 = (float) (1 - h.beta2());
      for (int i = 0; i < n; i++) {
        float g = grad.get(JAVA_FLOAT_UNALIGNED, 4 * (from + i)) * clip;
        m[i] += (g - m[i]) * rest1;
        v[i] = v[i] * beta2 + g * rest2 * g;
      }
    }

    private static void parameters(
        MemorySegment p, long from, float[] m, float[] v, int n, AdamW.Hyper h) {
      float decay = (float) (-h.lr() * h.decay());
      float size = (float) -h.stepSize();
      float correction = (float) (1 / h.correction());
      float eps = (float) h.eps();
      for (int i = 0; i < n; i++) {
        float old = p.get(JAVA_FLOAT_UNALIGNED, 4 * (from + i));
        float change = m[i] / ((float) Math.sqrt(v[i]) * correction + eps);
        p.set(JAVA_FLOAT_UNALIGNED, 4 * (from + i), old + old * decay + change * size);
      }
    }

    private static void copy(MemorySegment p, Tensor work, int from, int n) {
      for (int i = from; i < from + n; i++) {
        float value = p.get(JAVA_FLOAT_UNALIGNED, 4L * i);
        work.put(i, work.dtype() == Dtype.BF16 ? Bf16.toFloat(Bf16.round(value)) : value);
      }
    }

    private static void keep(
        DynamicMap map, float[] x, int n, Tensor codes, int from, Tensor maxima, int block) {
      float largest = 0;
      for (int i = 0; i < n; i++) {
        largest = Math.max(largest, Math.abs(x[i]));
      }
      largest = largest < Float.MIN_NORMAL ? 0 : largest;
      maxima.data().set(JAVA_FLOAT_UNALIGNED, 4L * block, largest);
      for (int i = 0; i < n; i++) {
        x[i] = largest == 0 ? 0 : x[i] / largest;
      }
      encode(map, x, 0, codes.data(), from, n);
    }
  }
}
