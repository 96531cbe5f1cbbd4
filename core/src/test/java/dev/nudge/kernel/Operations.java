package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/// Lists every operation with the tensors that a trial of it needs: the parity and allocation tests
/// walk this list, and it is checked to be complete.
final class Operations {
  /// Calls the operation on the trial's tensors.
  interface Body {
    void call(Draw d, Kernels k, Tensor[] t);
  }

  record Operation(Function<Draw, Tensor[]> tensors, Body body) {}

  /// `component.method`, and `#variant` where a method has several ways.
  static final Map<String, Operation> ALL = new LinkedHashMap<>();

  private static final AdamW.Hyper HYPER = new AdamW.Hyper(1e-2, 0.9, 0.999, 1e-8, 0.1, 0.7, 3);

  private Operations() {}

  private static void add(String name, Function<Draw, Tensor[]> tensors, Body body) {
    ALL.put(name, new Operation(tensors, body));
  }

  private static Tensor[] of(Tensor... tensors) {
    return tensors;
  }

  static {
    rows();
    attention();
    losses();
    elements();
    fourBits();
  }

  private static void fourBits() {
    add(
        "nf4.quantize",
        d -> {
          int n = d.rows * d.cols;
          Tensor packed = d.scope.tensor(Dtype.U8, 1, Nf4.bytes(n));
          Tensor absmax = d.scope.tensor(Dtype.F32, 1, Nf4.blocks(n));
          return of(d.dense(d.c, 1, n), packed, absmax);
        },
        (d, k, t) -> k.nf4().quantize(t[0], t[1], t[2]));
    add(
        "nf4.dequantize",
        d -> {
          int n = d.rows * d.cols;
          Tensor packed = d.scope.tensor(Dtype.U8, 1, Nf4.bytes(n));
          for (int i = 0; i < packed.elements(); i++) {
            packed.put(i, d.random.nextInt(256));
          }
          return of(packed, d.dense(Dtype.F32, 1, Nf4.blocks(n)), d.dense(d.c, 1, n));
        },
        (d, k, t) -> k.nf4().dequantize(t[0], t[1], t[2]));
    add(
        "groupedCodes.dequantize#mxfp4",
        d -> {
          int blocks = Math.ceilDiv(d.cols, Mxfp4.BLOCK);
          Tensor out = d.dense(d.c, d.rows, blocks * Mxfp4.BLOCK);
          return of(d.bytes(d.rows, blocks * 16), d.bytes(d.rows, blocks), out);
        },
        (d, k, t) -> k.groupedCodes().dequantize(d.powers(t[0], t[1]), 0, d.rows, t[2]));
    for (int bits : new int[] {4, 8}) {
      for (int group : new int[] {64, 7}) {
        add(
            "groupedCodes.dequantize#" + bits + " bits, groups of " + group,
            d -> {
              int cols = group == 7 ? d.cols : Math.max(32, d.cols / 32 * 32);
              int groups = Math.ceilDiv(cols, group);
              return of(
                  d.bytes(d.rows, Math.ceilDiv(cols * bits, 8)),
                  d.dense(Dtype.F32, d.rows, groups),
                  d.bytes(d.rows, groups),
                  d.dense(d.c, d.rows, cols));
            },
            (d, k, t) -> {
              SkinnyProduct.Grouped w = d.grouped(bits, group, t[3].cols(), t[0], t[1], t[2]);
              k.groupedCodes().dequantize(w, 0, d.rows, t[3]);
            });
      }
    }
  }

  private static void rows() {
    add(
        "rmsNorm.forward",
        d -> of(d.low(d.rows, d.cols), d.low(1, d.cols), d.low(d.rows, d.cols), d.high(d.rows, 1)),
        (d, k, t) -> k.rmsNorm().forward(t[0], null, null, t[1], t[2], t[3], 1e-5, 0));
    add(
        "rmsNorm.again",
        d ->
            of(
                d.low(d.rows, d.cols),
                d.positive(d.rows, 1),
                d.low(1, d.cols),
                d.low(d.rows, d.cols)),
        (d, k, t) -> k.rmsNorm().again(t[0], t[1], t[2], t[3], 0));
    add(
        "rmsNorm.backward",
        d ->
            of(
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.positive(d.rows, 1),
                d.low(1, d.cols),
                d.high(d.rows, d.cols)),
        (d, k, t) -> k.rmsNorm().backward(t[0], t[1], t[2], t[3], t[4], null, null, 0));
    add(
        "rmsNorm.backward#all",
        d ->
            of(
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.positive(d.rows, 1),
                d.low(1, d.cols),
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.low(d.rows, d.cols)),
        (d, k, t) -> k.rmsNorm().backward(t[0], t[1], t[2], t[3], t[4], t[5], t[6], 0));
    add(
        "rmsNorm.weightGradient",
        d ->
            of(
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.positive(d.rows, 1),
                d.high(1, d.cols)),
        (d, k, t) -> k.rmsNorm().weightGradient(t[0], t[1], t[2], t[3]));
    for (boolean inverse : new boolean[] {false, true}) {
      add(
          "rope.apply#" + (inverse ? "inverse" : "forward"),
          d ->
              of(
                  d.low(d.rows, d.heads * 2 * d.half),
                  d.below(d.rows, 9),
                  d.high(9, d.half),
                  d.high(9, d.half)),
          (d, k, t) ->
              k.rope().apply(t[0], t[1], t[2], t[3], 2 * d.half, Rope.Pairing.HALVES, inverse));
      add(
          "rope.apply#neighbours " + (inverse ? "inverse" : "forward"),
          d ->
              of(
                  d.low(d.rows, d.heads * 2 * d.half),
                  d.below(d.rows, 9),
                  d.high(9, d.half),
                  d.high(9, d.half)),
          (d, k, t) ->
              k.rope().apply(t[0], t[1], t[2], t[3], 2 * d.half, Rope.Pairing.NEIGHBOURS, inverse));
    }
    gates("swiGlu", Kernels::swiGlu);
    gates("geGlu", Kernels::geGlu);
    gates("sigmoidGlu", Kernels::sigmoidGlu);
    for (Rope.Pairing pairing : Rope.Pairing.values()) {
      add(
          "rope.apply#partial " + pairing,
          d ->
              of(
                  d.low(d.rows, d.heads * 4 * d.half),
                  d.below(d.rows, 9),
                  d.high(9, d.half),
                  d.high(9, d.half)),
          (d, k, t) -> k.rope().apply(t[0], t[1], t[2], t[3], 4 * d.half, pairing, false));
    }
    add(
        "rmsNorm.forward#offset",
        d -> of(d.low(d.rows, d.cols), d.low(1, d.cols), d.low(d.rows, d.cols), d.high(d.rows, 1)),
        (d, k, t) -> k.rmsNorm().forward(t[0], null, null, t[1], t[2], t[3], 1e-5, 1));
    add(
        "rmsNorm.backward#offset",
        d ->
            of(
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.positive(d.rows, 1),
                d.low(1, d.cols),
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.low(d.rows, d.cols)),
        (d, k, t) -> k.rmsNorm().backward(t[0], t[1], t[2], t[3], t[4], t[5], t[6], 1));
  }

  private static void gates(String name, Function<Kernels, Glu> gate) {
    add(
        name + ".forward",
        d -> of(d.matrix(d.c, d.rows, d.cols, 3), d.low(d.rows, d.cols), d.low(d.rows, d.cols)),
        (d, k, t) -> gate.apply(k).forward(t[0], t[1], t[2]));
    add(
        name + ".backward",
        d ->
            of(
                d.low(d.rows, d.cols),
                d.matrix(d.c, d.rows, d.cols, 3),
                d.low(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.low(d.rows, d.cols)),
        (d, k, t) -> gate.apply(k).backward(t[0], t[1], t[2], t[3], t[4], t[5]));
    add(
        name + ".backward#aliased",
        d -> of(d.low(d.rows, d.cols), d.matrix(d.c, d.rows, d.cols, 3), d.low(d.rows, d.cols)),
        (d, k, t) -> gate.apply(k).backward(t[0], t[1], t[2], t[1], t[2], t[0]));
  }

  private static void attention() {
    for (boolean windowed : new boolean[] {false, true}) {
      String variant = windowed ? "#window" : "";
      add(
          "softmaxRows.forward" + variant,
          d -> of(d.matrix(d.acc, d.rows, d.cols, 8), d.low(d.rows, d.cols), d.high(d.rows, 1)),
          (d, k, t) -> {
            int window = windowed ? d.window : 0;
            k.softmaxRows().forward(t[0], d.scale, d.first, d.repeat, window, t[1], t[2]);
            clearUnseen(d, window, t[0]);
          });
      add(
          "softmaxRows.backward" + variant,
          d -> {
            Tensor scores = d.matrix(d.acc, d.rows, d.cols, 8);
            return of(
                scores,
                d.lse(scores, windowed ? d.window : 0),
                d.high(d.rows, d.cols),
                d.high(d.rows, 1),
                d.low(d.rows, d.cols),
                d.low(d.rows, d.cols));
          },
          (d, k, t) -> {
            int window = windowed ? d.window : 0;
            k.softmaxRows()
                .backward(t[0], d.scale, d.first, d.repeat, window, t[1], t[2], t[3], t[4], t[5]);
          });
    }
    add(
        "softCap.forward",
        d -> of(d.matrix(d.acc, d.rows, d.cols, 4)),
        (d, k, t) -> k.softCap().forward(t[0], d.scale, 3));
    add(
        "softCap.backward",
        d -> of(d.high(d.rows, d.cols), d.low(d.rows, d.cols)),
        (d, k, t) -> k.softCap().backward(t[0], t[1], d.scale, 5));
    add(
        "softmaxRows.rowDots",
        d ->
            of(
                d.low(d.rows, d.heads * d.half),
                d.low(d.rows, d.heads * d.half),
                d.high(d.rows, d.heads)),
        (d, k, t) -> k.softmaxRows().rowDots(t[0], t[1], d.heads, t[2]));
  }

  /// What scores are where a row sees nothing is undefined: nobody compares it.
  private static void clearUnseen(Draw d, int window, Tensor scores) {
    for (int r = 0; r < scores.rows(); r++) {
      int limit = SoftmaxRows.limit(d.first, d.repeat, r, scores.cols());
      int begin = SoftmaxRows.begin(limit, window);
      for (int c = 0; c < scores.cols(); c++) {
        if (c < begin || c >= limit) {
          scores.set(r, c, 0);
        }
      }
    }
  }

  private static void losses() {
    add(
        "crossEntropy.forward",
        d ->
            of(
                d.matrix(d.acc, d.rows, d.cols, 20 * d.scale),
                d.below(d.rows, d.cols),
                d.matrix(Dtype.F64, d.rows, 1, 1),
                d.high(d.rows, 1),
                d.scope.tensor(Dtype.I32, d.rows, 1)),
        (d, k, t) -> k.crossEntropy().forward(t[0], t[1], t[2], t[3], t[4]));
    add(
        "crossEntropy.gradient",
        d ->
            of(
                d.matrix(d.acc, d.rows, d.cols, 3),
                d.below(d.rows, d.cols),
                d.positive(d.rows, 1),
                d.low(d.rows, d.cols)),
        (d, k, t) -> k.crossEntropy().gradient(t[0], t[1], t[2], 0.37, t[3]));
    add(
        "adamW.step",
        d ->
            of(
                d.high(d.rows, d.cols),
                d.low(d.rows, d.cols),
                d.high(d.rows, d.cols),
                d.high(d.rows, d.cols),
                d.positive(d.rows, d.cols)),
        (d, k, t) -> k.adamW().step(t[0], t[1], t[2], t[3], t[4], HYPER));
    add(
        "adamW8.step",
        d -> {
          int n = d.rows * d.cols;
          int blocks = (int) AdamW8.blocks(n);
          return of(
              d.high(1, n),
              d.low(1, n),
              d.high(1, n),
              d.codes(n),
              d.positive(1, blocks),
              d.codes(n),
              d.positive(1, blocks));
        },
        (d, k, t) -> k.adamW8().step(t[0], t[1], t[2], t[3], t[4], t[5], t[6], HYPER));
  }

  private static void elements() {
    add(
        "elementwise.addBias",
        d -> of(d.low(d.rows, d.cols), d.low(1, d.cols)),
        (d, k, t) -> k.elementwise().addBias(t[0], t[1]));
    add(
        "elementwise.scaleCols",
        d -> of(d.low(d.rows, d.cols), d.high(1, d.cols), d.high(1, d.cols)),
        (d, k, t) -> k.elementwise().scaleCols(t[0], t[1], t[2], t[0]));
    add(
        "elementwise.scaleCols#elsewhere",
        d -> of(d.low(d.rows, d.cols), d.high(1, d.cols), d.low(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().scaleCols(t[0], t[1], null, t[2]));
    add(
        "elementwise.scale",
        d -> of(d.low(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().scale(t[0], d.scale));
    add(
        "elementwise.copy#up",
        d -> of(d.low(d.rows, d.cols), d.high(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().copy(t[0], t[1]));
    add(
        "elementwise.copy#down",
        d -> of(d.high(d.rows, d.cols), d.low(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().copy(t[0], t[1]));
    add(
        "elementwise.copy#half",
        d -> of(d.matrix(Dtype.F16, d.rows, d.cols, 1), d.low(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().copy(t[0], t[1]));
    add(
        "elementwise.add",
        d -> of(d.low(d.rows, d.cols), d.low(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().add(t[0], t[1]));
    add(
        "elementwise.add#up",
        d -> of(d.low(d.rows, d.cols), d.high(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().add(t[0], t[1]));
    add(
        "elementwise.sumOfSquares",
        d -> of(d.low(d.rows, d.cols), d.scope.tensor(Dtype.F64, 1, 1)),
        (d, k, t) -> t[1].set(0, 0, k.elementwise().sumOfSquares(t[0])));
    for (boolean add : new boolean[] {false, true}) {
      add(
          "elementwise.dropout#" + (add ? "added" : "set"),
          d -> of(d.low(d.rows, d.cols), d.low(d.rows, d.cols), d.keys(d.rows)),
          (d, k, t) -> k.elementwise().dropout(t[0], t[1], t[2], 77, 0.3, add));
    }
    add(
        "elementwise.gather",
        d -> of(d.low(11, d.cols), d.below(d.rows, 11), d.high(d.rows, d.cols)),
        (d, k, t) -> k.elementwise().gather(t[0], t[1], t[2]));
    add(
        "elementwise.scatter",
        d -> of(d.high(d.rows, d.cols), d.below(d.rows, 11), d.high(11, d.cols)),
        (d, k, t) -> k.elementwise().scatter(t[0], t[1], 3, t[2]));
    for (boolean add : new boolean[] {false, true}) {
      add(
          "elementwise.colSum#" + (add ? "added" : "set"),
          d -> of(d.low(d.rows, d.cols), d.high(1, d.cols)),
          (d, k, t) -> k.elementwise().colSum(t[0], t[1], add));
      add(
          "elementwise.colDot#" + (add ? "added" : "set"),
          d -> of(d.low(d.rows, d.cols), d.low(d.rows, d.cols), d.high(1, d.cols)),
          (d, k, t) -> k.elementwise().colDot(t[0], t[1], t[2], add));
    }
  }
}
