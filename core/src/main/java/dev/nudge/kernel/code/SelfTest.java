package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/// Multiplies known numbers, whose sums are exact in fp32 in any order, by every machine code
/// kernel once, and compares. Takes some milliseconds.
final class SelfTest {
  private static final int WEIGHTS = 17; // rows: groups of four and one; sixteen results and one
  private static final int ZERO = 127; // the code of 0
  private static final List<Dtype> TYPES = List.of(Dtype.F32, Dtype.BF16);
  private static final int[] ROWS = {1, 7}; // of x: 1, 4 + 2 + 1

  private final SkinnyProduct few;
  private final Arena arena = Arena.ofAuto();

  private SelfTest(SkinnyProduct few) {
    this.few = few;
  }

  /// Tests all products.
  static boolean passes(SkinnyProduct few) {
    SelfTest test = new SelfTest(few);
    return test.dense(Dtype.BF16, 74)
        && test.dense(Dtype.BF16, 150)
        && test.dense(Dtype.F32, 85)
        && test.nf4(128)
        && test.grouped(128, 32)
        && test.grouped(256, 128)
        && test.powers(96);
  }

  /// Tests scores and weighted sums of one query and of four, over seven keys: one round and a
  /// rest.
  static boolean passes(AttendSweeps sweeps) {
    return IntStream.of(80, 192)
        .allMatch(dim -> attends(sweeps, dim, 1) && attends(sweeps, dim, KeyScores.QUERIES));
  }

  private static boolean attends(AttendSweeps sweeps, int dim, int queries) {
    int keys = 7;
    int row = 16;
    int width = (dim + 31) / 32 * 32;
    Arena arena = Arena.ofAuto();
    MemorySegment data = arena.allocate(2L * keys * dim, 64);
    for (int at = 0; at < keys * dim; at++) {
      data.setAtIndex(JAVA_SHORT, at, Bf16.round((float) number(at / dim, at % dim)));
    }
    MemorySegment all = arena.allocate(4L * queries * (width + row) + AttendSweeps.SPARE, 64);
    for (int at = 0; at < queries * dim; at++) {
      all.setAtIndex(JAVA_FLOAT, pair(at / dim, at % dim, width), (float) number(9, at));
    }
    AttendSweeps.Rows rows = new AttendSweeps.Rows(data, 0, 2L * dim, keys);
    AttendSweeps.Sizes sizes = new AttendSweeps.Sizes(1, dim, queries, width, row);
    long scores = 4L * queries * width;
    sweeps.scores(rows, rows, sizes, all, scores);
    boolean right = true;
    for (int at = 0; at < queries * keys; at++) {
      int q = at / keys;
      float want = 0;
      for (int i = 0; i < dim; i++) {
        want += (float) (number(9, q * dim + i) * number(at % keys, i));
      }
      right &= all.get(JAVA_FLOAT, scores + 4L * (q * row + at % keys)) == want;
      all.set(JAVA_FLOAT, scores + 4L * (q * row + at % keys), at % 5 - 2);
    }
    sweeps.sums(rows, rows, sizes, all, scores);
    for (int at = 0; at < queries * dim; at++) {
      float want = (float) number(9, at);
      for (int j = 0; j < keys; j++) {
        want += (float) (((at / dim * keys + j) % 5 - 2) * number(j, at % dim));
      }
      right &= all.getAtIndex(JAVA_FLOAT, pair(at / dim, at % dim, width)) == want;
    }
    return right;
  }

  /// Returns a number's index in pairs.
  private static int pair(int row, int i, int width) {
    return row * width + i / 32 * 32 + i % 32 / 2 + i % 2 * 16;
  }

  /// Tests groups with scales 1 and 2, zeros 7 and 8.
  private boolean grouped(int cols, int group) {
    int groups = cols / group;
    Tensor codes = tensor(Dtype.U8, WEIGHTS, cols / 2);
    for (int i = 0; i < WEIGHTS * cols / 2; i++) {
      codes.data().set(JAVA_BYTE, i, (byte) (code(2 * i) | code(2 * i + 1) << 4));
    }
    Tensor scales = tensor(Dtype.F32, WEIGHTS, groups);
    Tensor zeros = tensor(Dtype.U8, WEIGHTS, groups);
    for (int i = 0; i < WEIGHTS * groups; i++) {
      scales.put(i, 1 + i % 2);
      zeros.put(i, 7 + i % 3 / 2);
    }
    return right(
        new SkinnyProduct.Grouped(WEIGHTS, cols, 4, group, codes, scales, zeros, null),
        at -> (code(at) - zeros.at(at / group)) * scales.at(at / group));
  }

  /// Tests scales 1 and 2.
  private boolean powers(int cols) {
    int blocks = cols / Mxfp4.BLOCK;
    Tensor codes = tensor(Dtype.U8, WEIGHTS, cols / 2);
    for (int i = 0; i < WEIGHTS * cols / 2; i++) {
      codes.data().set(JAVA_BYTE, i, (byte) (code(2 * i) | code(2 * i + 1) << 4));
    }
    Tensor powers = tensor(Dtype.U8, WEIGHTS, blocks);
    for (int i = 0; i < WEIGHTS * blocks; i++) {
      powers.data().set(JAVA_BYTE, i, (byte) (127 + i % 2));
    }
    return right(
        new SkinnyProduct.Powers(codes, powers),
        at -> Mxfp4.twice(code(at)) * Mxfp4.half(127 + at / Mxfp4.BLOCK % 2));
  }

  private boolean dense(Dtype dtype, int cols) {
    Tensor w = tensor(dtype, WEIGHTS, cols);
    for (int o = 0; o < WEIGHTS; o++) {
      for (int i = 0; i < cols; i++) {
        w.set(o, i, number(o, i));
      }
    }
    return right(new SkinnyProduct.Dense(w), at -> number(at / cols, at % cols));
  }

  private boolean nf4(int cols) {
    int blocks = WEIGHTS * cols / Nf4.BLOCK;
    Tensor packed = tensor(Dtype.U8, 1, WEIGHTS * cols / 2);
    for (int i = 0; i < WEIGHTS * cols / 2; i++) {
      packed.data().set(JAVA_BYTE, i, (byte) (code(2 * i) << 4 | code(2 * i + 1)));
    }
    Tensor ones = tensor(Dtype.F32, 1, blocks);
    for (int i = 0; i < blocks; i++) {
      ones.set(0, i, 1);
    }
    SkinnyProduct.Scales plain = new SkinnyProduct.Scales(ones, null, 0);
    return right(new SkinnyProduct.Quantized(WEIGHTS, cols, packed, plain), value(plain))
        && nested(cols, packed, blocks);
  }

  /// Tests double-quantised scales, 1 in one block of three and 0 in the others, so that sums stay
  /// exact: the highest level and zero.
  private boolean nested(int cols, Tensor packed, int blocks) {
    Tensor codes = tensor(Dtype.U8, 1, blocks);
    for (int i = 0; i < blocks; i++) {
      codes.data().set(JAVA_BYTE, i, (byte) (i % 3 == 0 ? DynamicMap.CODES - 1 : ZERO));
    }
    Tensor one = tensor(Dtype.F32, 1, 1);
    one.set(0, 0, 1);
    SkinnyProduct.Scales scales = new SkinnyProduct.Scales(one, codes, 0);
    return right(new SkinnyProduct.Quantized(WEIGHTS, cols, packed, scales), value(scales));
  }

  private static IntToDoubleFunction value(SkinnyProduct.Scales scales) {
    return at -> Bf16.toFloat(Bf16.round(Nf4.level(code(at)) * scales.of(at / Nf4.BLOCK)));
  }

  private boolean right(SkinnyProduct.Weight w, IntToDoubleFunction value) {
    try (Workspace ws = new Workspace(0, 1 << 16, Gemm.plain())) {
      for (int rows : ROWS) {
        Tensor x = tensor(Dtype.F32, rows, w.cols());
        for (int r = 0; r < rows; r++) {
          for (int i = 0; i < w.cols(); i++) {
            x.set(r, i, number(2 * r + 1, i));
          }
        }
        Tensor sums = tensor(Dtype.F64, rows, WEIGHTS);
        for (int r = 0; r < rows; r++) {
          for (int o = 0; o < WEIGHTS; o++) {
            double sum = 0;
            for (int i = 0; i < w.cols(); i++) {
              sum += number(2 * r + 1, i) * value.applyAsDouble(o * w.cols() + i);
            }
            sums.set(r, o, sum);
          }
        }
        Tensor arranged = few.arranged(x, w, ws);
        boolean right = true;
        for (Dtype type : TYPES) {
          right &= stored(arranged, w, sums, type, false) && stored(arranged, w, sums, type, true);
        }
        ws.reset();
        if (!right) {
          return false;
        }
      }
    }
    return true;
  }

  /// Tests that results are written, or added to 1, rounded to a type.
  private boolean stored(Tensor x, SkinnyProduct.Weight w, Tensor sums, Dtype type, boolean add) {
    Tensor y = tensor(type, sums.rows(), WEIGHTS);
    for (int at = 0; at < sums.rows() * WEIGHTS; at++) {
      y.put(at, 1);
    }
    few.multiply(x, w, Dtype.BF16, 0, WEIGHTS, y, add);
    for (int r = 0; r < sums.rows(); r++) {
      for (int o = 0; o < WEIGHTS; o++) {
        float sum = (float) sums.get(r, o) + (add ? 1 : 0);
        float want = type == Dtype.BF16 ? Bf16.toFloat(Bf16.round(sum)) : sum;
        if (y.get(r, o) != want) {
          return false;
        }
      }
    }
    return true;
  }

  /// A whole number of −3 to 3.
  private static double number(int row, int i) {
    return (row * 5 + i * (row + 2)) % 7 - 3;
  }

  private static int code(int i) {
    return i * 7 % 16;
  }

  private Tensor tensor(Dtype dtype, int rows, int cols) {
    MemorySegment data = arena.allocate((long) rows * cols * dtype.bytes(), 64);
    return Tensor.of(data, dtype, rows, cols);
  }
}
