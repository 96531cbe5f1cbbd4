package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// A weight (rows, cols) in [Mxfp4]: blocks of 32 numbers of a row, four bits each, the even one in
/// the low half of a byte.
///
/// Threading: immutable; the bytes are owned by the mapping they lie in.
///
/// @param codes U8 (rows, cols / 2)
/// @param scales U8 (rows, cols / 32), e
record Mxfp4Weight(Tensor codes, Tensor scales) implements StoredWeight {
  private static final int BYTES = Mxfp4.BLOCK / 2;

  @Override
  public int rows() {
    return codes.rows();
  }

  @Override
  public int cols() {
    return 2 * codes.cols();
  }

  @Override
  public List<Tensor> parts() {
    return List.of(codes, scales);
  }

  @Override
  public FewRows.Weight few() {
    return new FewRows.Powers(codes, scales);
  }

  private void read(int row, MemorySegment to, long start) {
    MemorySegment from = codes.data();
    MemorySegment powers = scales.data();
    long at = row * codes.stride(0);
    long power = row * scales.stride(0);
    long place = start;
    for (int b = 0; b < scales.cols(); b++) {
      float half = Mxfp4.half(powers.get(JAVA_BYTE, power + b));
      for (int i = 0; i < BYTES; i++) {
        int two = from.get(JAVA_BYTE, at++);
        to.set(JAVA_FLOAT_UNALIGNED, place, Mxfp4.twice(two) * half);
        to.set(JAVA_FLOAT_UNALIGNED, place + 4, Mxfp4.twice(two >> 4) * half);
        place += 8;
      }
    }
  }

  @Override
  public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
    int mark = ws.mark();
    boolean direct = out.dtype() == Dtype.F32;
    Tensor row = direct ? out : ws.take(Dtype.F32, 1, cols());
    for (int r = from; r < to && !ws.dry(); r++) {
      if (direct) {
        read(r, out.data(), 4L * (r - from) * cols());
      } else {
        read(r, row.data(), 0);
        kernels.elementwise().copy(row, out.rows(r - from, r - from + 1));
      }
    }
    ws.release(mark);
  }
}
