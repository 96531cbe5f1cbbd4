package dev.nudge.kernel;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Seeds;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Compare the fastest kernels with the portable ones, which compute the same inputs in double.
///
/// The exact result is the portable provider's on F64 copies. F32 must be within 1e-6 of the
/// row's largest value: sixteen units in the last place, what a sum over a row in float costs.
/// BF16 must be within one unit in the last place of the exact number itself. A log-probability
/// must be right to 1e-6 of itself. Where numbers cancel exactly a bfloat16's unit is 0: 1e-12
/// of the row's largest value is allowed on top. lse is used as an exponent, so its absolute
/// error counts where it is below 1.
class ParityTest {
  private static final int TRIALS = 12;
  private static final int[][] CORNERS = {{1, 1}, {1, 16}, {3, 15}, {2, 17}, {1, 1024}, {2, 2065}};

  private final Kernels fast = Kernels.fastest();
  private final Kernels plain = Kernels.plain();

  @Test
  void theVectorKernelsAreTheFastestHere() {
    assumeTrue(Kernels.chosen() != Kernels.Choice.PLAIN, "-Dnudge.kernels=plain");
    assertThat(fast.name()).startsWith("vector");
  }

  /// But attention, which is made of products: [ProductParityTest] and [KeyValuesTest] compare it;
  /// what decodes, which [SkinnyProductTest] and [AttendOneTest] compare; and [DeltaRuleTest]'s.
  @Test
  void everyOperationIsListed() {
    List<String> missing = new ArrayList<>();
    Set<String> listed =
        Operations.ALL.keySet().stream()
            .map(name -> name.replaceFirst("#.*", ""))
            .collect(Collectors.toSet());
    for (RecordComponent component : Kernels.class.getRecordComponents()) {
      for (Method method : component.getType().getDeclaredMethods()) {
        String name = component.getName() + "." + method.getName();
        if (component.getType().isInterface()
            && !Set.of(Attend.class, SkinnyProduct.class, AttendOne.class, DeltaRule.class)
                .contains(component.getType())
            && Modifier.isAbstract(method.getModifiers())
            && !listed.contains(name)) {
          missing.add(name);
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  static Stream<Arguments> operations() {
    return Operations.ALL.keySet().stream()
        .flatMap(n -> Stream.of(Dtype.F32, Dtype.BF16).map(c -> Arguments.of(n, c)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("operations")
  void fastAgreesWithDouble(String name, Dtype c) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    double worst = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      boolean corner = trial < CORNERS.length;
      int rows = corner ? CORNERS[trial][0] : 1 + random.nextInt(9);
      int cols = corner ? CORNERS[trial][1] : 1 + random.nextInt(1500);
      String where = name + " " + c + " seed " + seed + " trial " + trial;
      try (Scope scope = Scope.open("parity")) {
        Draw draw = new Draw(random, scope, c, rows, cols);
        worst =
            Math.max(worst, compare(where, requireNonNull(Operations.ALL.get(name)), draw, name));
        assertThat(draw.untouchedAround()).as(where + ": memory around a tensor").isTrue();
      }
    }
    System.out.printf("parity %s %s seed %d worst %.3f of the bound%n", name, c, seed, worst);
  }

  private double compare(String where, Operations.Operation operation, Draw draw, String name) {
    Tensor[] tensors = operation.tensors().apply(draw);
    // codes are made of numbers rounded to float, so the portable provider computes in float too
    boolean coded = name.equals("adamW8.step");
    Tensor[] exact = coded ? draw.copies(tensors) : draw.wide(tensors);
    Tensor[] before = draw.wide(tensors);
    if (name.equals("crossEntropy.forward")) {
      exact[4] = draw.scope.tensor(Dtype.I32, draw.rows, 1);
    } else if (name.equals("nf4.quantize")) {
      exact[1] = draw.scope.tensor(Dtype.U8, 1, tensors[1].cols());
    } else if (name.equals("elementwise.sumOfSquares")) {
      exact[1] = draw.scope.tensor(Dtype.F64, 1, 1);
    }
    operation.body().call(draw, fast, tensors);
    operation.body().call(draw, plain, exact);
    double worst = 0;
    for (int i = 0; i < tensors.length; i++) {
      for (int r = 0; r < tensors[i].rows(); r++) {
        double terms = terms(name, before, i, r);
        double ratio = worstOfRow(where + " tensor " + i, tensors[i], exact[i], r, terms);
        worst = Math.max(worst, ratio);
      }
    }
    return worst;
  }

  private static double worstOfRow(String where, Tensor got, Tensor exact, int r, double terms) {
    double largest = terms;
    for (int col = 0; col < exact.cols(); col++) {
      largest = Math.max(largest, Math.abs(exact.get(r, col)));
    }
    double worst = 0;
    for (int col = 0; col < exact.cols(); col++) {
      double e = exact.get(r, col);
      double g = got.get(r, col);
      double bound = bound(got.dtype(), e, largest, terms);
      double off = e == g ? 0 : Math.abs(g - e);
      if (!(off <= bound)) {
        throw new AssertionError(
            "%s (%d, %d): %s, exact %s, off by %s, allowed %s"
                .formatted(where, r, col, g, e, off, bound));
      }
      worst = Math.max(worst, bound == 0 ? 0 : off / bound);
    }
    return worst;
  }

  /// What a row's largest value is at least taken for: 1 for an exponent, and the terms of a sum
  /// where one is a result by itself and may cancel (a row of one column is all of its row).
  private static double terms(String name, Tensor[] before, int i, int r) {
    boolean column = before[i].cols() == 1;
    double offset = name.endsWith("#offset") ? 1 : 0;
    return switch (name.replaceFirst("#.*", "")) { // a variant has the bounds of its operation
      case "softmaxRows.forward" -> column && i == 2 ? 1 : 0;
      case "crossEntropy.forward" -> column && i == 3 ? 1 : 0;
      case "rmsNorm.backward" ->
          i == 4 || i == 5 ? Math.max(largest(before[4], r), gradient(before, offset, r)) : 0;
      case "rmsNorm.weightGradient" -> i == 3 ? normed(before) : 0;
      case "softmaxRows.rowDots" -> i == 2 ? largestProduct(before[0], before[1], r) : 0;
      case "elementwise.scaleCols" -> // a product, rounded to float, may cancel with the shift
          i == 0 && !name.endsWith("#elsewhere") ? largest(before[2], 0) : 0;
      case "elementwise.dropout" -> i == 1 && name.endsWith("#added") ? largest(before[1], r) : 0;
      case "elementwise.colSum" -> column && i == 1 ? largest(before[1]) + sum(before[0]) : 0;
      case "elementwise.colDot" ->
          column && i == 2 ? largest(before[2]) + sum(before[0]) * largest(before[1]) : 0;
      case "elementwise.scatter" -> i == 2 ? before[0].rows() * largest(before[0]) : 0;
      case "adamW.step" -> Math.max(largest(before[i], r), largest(before[2], r) * 0.1);
      case "swiGlu.backward" -> gate(before, Glu.Activation.SILU, r);
      case "geGlu.forward" -> tail(before[0], false, List.of(before[1]), r);
      case "geGlu.backward" ->
          Math.max(
              gate(before, Glu.Activation.GELU_TANH, r),
              switch ((before.length == 3 ? i + 2 : i) % 3) { // aliased: h, gate's, up's
                case 0 -> tail(before[1], true, List.of(before[0], before[2]), r);
                case 1 -> tail(before[1], false, List.of(before[0]), r);
                default -> tail(before[1], false, List.of(before[2]), r);
              });
      default -> 0;
    };
  }

  private static double largest(Tensor t, int r) {
    double largest = 0;
    for (int c = 0; c < t.cols(); c++) {
      largest = Math.max(largest, Math.abs(t.get(r, c)));
    }
    return largest;
  }

  private static double largest(Tensor t) {
    double largest = 0;
    for (int r = 0; r < t.rows(); r++) {
      largest = Math.max(largest, largest(t, r));
    }
    return largest;
  }

  private static double sum(Tensor t) {
    return t.rows() * largest(t);
  }

  /// The largest a·b of a row.
  private static double largestProduct(Tensor a, Tensor b, int r) {
    double largest = 0;
    for (int c = 0; c < a.cols(); c++) {
      largest = Math.max(largest, Math.abs(a.get(r, c) * b.get(r, c)));
    }
    return largest;
  }

  /// The largest dy·s·rstd of all rows.
  private static double normed(Tensor[] t) {
    double largest = 0;
    for (int r = 0; r < t[0].rows(); r++) {
      for (int c = 0; c < t[0].cols(); c++) {
        double term = t[0].get(r, c) * t[1].get(r, c) * t[2].get(r, 0);
        largest = Math.max(largest, Math.abs(term));
      }
    }
    return largest;
  }

  /// The largest rstd·dy·(offset + w) of a row.
  private static double gradient(Tensor[] t, double offset, int r) {
    double largest = 0;
    for (int c = 0; c < t[0].cols(); c++) {
      double g = t[0].get(r, c) * (offset + t[3].get(0, c));
      double hat = t[1].get(r, c) * t[2].get(r, 0);
      largest = Math.max(largest, t[2].get(r, 0) * Math.abs(g) * (1 + hat * hat));
    }
    return largest;
  }

  /// The largest dh·u·σ(t) of a row: 1 + e·(1 − σ(t))·t′ is a difference where it crosses zero.
  private static double gate(Tensor[] t, Glu.Activation activation, int r) {
    double largest = 0;
    for (int c = 0; c < t[0].cols(); c++) {
      double s = 1 / (1 + Math.exp(-activation.t(t[1].get(r, c))));
      largest = Math.max(largest, Math.abs(t[0].get(r, c) * t[2].get(r, c) * s));
    }
    return largest;
  }

  /// The largest factors·e·σ(t) of a row, or that of σ(t) + e·t′·σ(t), times how far a float σ may
  /// be from it beyond 1e-6 of it: t is a product and a sum, so a float t is off by up to four
  /// roundings of its size, and where σ is nearly exp(t) it is off by as much of itself.
  private static double tail(Tensor gate, boolean gradient, List<Tensor> factors, int r) {
    double largest = 0;
    for (int c = 0; c < gate.cols(); c++) {
      double e = gate.get(r, c);
      double t = Glu.Activation.GELU_TANH.t(e);
      double slope = e * Glu.Activation.GELU_TANH.slope(e);
      double term = (gradient ? 1 + Math.abs(slope) : e) / (1 + Math.exp(-t));
      for (Tensor factor : factors) {
        term *= factor.get(r, c);
      }
      double roundings = 4 * 0x1p-24 * Math.max(0, -t);
      largest = Math.max(largest, Math.abs(term) * Math.max(1, roundings / 1e-6));
    }
    return largest;
  }

  /// `terms` is above 0 where a number is a sum whose terms may cancel: its bfloat16 is the rounded
  /// float sum, so it may be off by what the float sum may, and half a unit.
  private static double bound(Dtype dtype, double exact, double largest, double terms) {
    return switch (dtype) {
      case BF16 -> Math.max(unit(exact), unit(exact) / 2 + 1e-6 * terms) + 1e-12 * largest;
      case F64 -> 1e-6 * Math.abs(exact);
      default -> dtype.floating() ? 1e-6 * largest : 0;
    };
  }

  /// The distance of neighbouring bfloat16 numbers at a value.
  static double unit(double v) {
    int exponent = Math.max(Math.getExponent(v), Float.MIN_EXPONENT);
    return Math.scalb(1.0, exponent - 7);
  }

  @ParameterizedTest
  @MethodSource("types")
  void theSumIsRoundedOnceAndThenNormalised(Dtype c) {
    long seed = Seeds.next();
    System.out.println("residual " + c + " seed " + seed);
    Random random = new Random(seed);
    for (int trial = 0; trial < TRIALS; trial++) {
      try (Scope scope = Scope.open("parity")) {
        Draw d = new Draw(random, scope, c, 1 + random.nextInt(5), 1 + random.nextInt(1300));
        Tensor x = d.low(d.rows, d.cols);
        Tensor delta = d.low(d.rows, d.cols);
        Tensor sum = d.low(d.rows, d.cols);
        Tensor w = d.low(1, d.cols);
        Tensor y = d.low(d.rows, d.cols);
        Tensor rstd = d.high(d.rows, 1);
        fast.rmsNorm().forward(x, delta, sum, w, y, rstd, 1e-6, 0);
        Tensor again = d.low(d.rows, d.cols);
        Tensor behind = d.low(d.rows, d.cols);
        Tensor alone = d.low(d.rows, d.cols);
        Tensor rstdAlone = d.high(d.rows, 1);
        fast.rmsNorm().again(sum, rstd, w, again, 0);
        Tensor dy = d.high(d.rows, d.cols);
        fast.rmsNorm().backward(dy, sum, rstd, w, d.high(d.rows, d.cols), null, behind, 0);
        fast.rmsNorm().forward(sum, null, null, w, alone, rstdAlone, 1e-6, 0);
        for (int r = 0; r < d.rows; r++) {
          assertThat(rstdAlone.get(r, 0)).isEqualTo(rstd.get(r, 0));
          for (int i = 0; i < d.cols; i++) {
            float s = (float) (x.get(r, i) + delta.get(r, i));
            double rounded = c == Dtype.BF16 ? Bf16.toFloat(Bf16.round(s)) : s;
            assertThat(sum.get(r, i)).isEqualTo(rounded);
            assertThat(again.get(r, i)).isEqualTo(y.get(r, i));
            assertThat(behind.get(r, i)).isEqualTo(y.get(r, i));
            assertThat(alone.get(r, i)).isEqualTo(y.get(r, i));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void theGateGivesTheSameBytesInBothPasses(Dtype c) {
    long seed = Seeds.next();
    System.out.println("gate " + c + " seed " + seed);
    Random random = new Random(seed);
    for (int trial = 0; trial < TRIALS; trial++) {
      try (Scope scope = Scope.open("parity")) {
        Draw d = new Draw(random, scope, c, 1 + random.nextInt(5), 1 + random.nextInt(1300));
        Tensor gate = d.matrix(c, d.rows, d.cols, 30);
        Tensor up = d.low(d.rows, d.cols);
        Tensor h = d.low(d.rows, d.cols);
        Tensor dh = d.low(d.rows, d.cols);
        fast.swiGlu().forward(gate, up, h);
        fast.swiGlu().backward(dh, gate, up, gate, up, dh);
        for (int r = 0; r < d.rows; r++) {
          for (int i = 0; i < d.cols; i++) {
            assertThat(dh.get(r, i)).isEqualTo(h.get(r, i));
          }
        }
      }
    }
  }

  static Stream<Dtype> types() {
    return Stream.of(Dtype.F32, Dtype.BF16);
  }

  @ParameterizedTest
  @MethodSource("types")
  void theLowCopyOfTheGradientIsTheRoundedGradient(Dtype c) {
    long seed = Seeds.next();
    System.out.println("low copy " + c + " seed " + seed);
    try (Scope scope = Scope.open("parity")) {
      Draw d = new Draw(new Random(seed), scope, c, 5, 333);
      Tensor dRes = d.high(d.rows, d.cols);
      Tensor low = d.low(d.rows, d.cols);
      fast.rmsNorm()
          .backward(
              d.high(d.rows, d.cols),
              d.low(d.rows, d.cols),
              d.positive(d.rows, 1),
              d.low(1, d.cols),
              dRes,
              low,
              d.low(d.rows, d.cols),
              0);
      for (int r = 0; r < d.rows; r++) {
        for (int i = 0; i < d.cols; i++) {
          assertThat(low.get(r, i)).isEqualTo(Rows.rounded(dRes.get(r, i), c));
        }
      }
    }
  }
}
