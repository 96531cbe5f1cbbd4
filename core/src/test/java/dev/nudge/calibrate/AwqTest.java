package dev.nudge.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.quant.GroupedCodes;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class AwqTest {
  private static final Grid GRID = new Grid(4, false, Dtype.F16);
  private final Gemm gemm = Gemm.plain();

  /// The error of Q(W s)/s.
  private double error(Tensor w, Hessian h, double[] s, boolean cuts, Scope scope) {
    Tensor scaled = Cases.copy(w, scope);
    Hessian.rows(
        scaled,
        (r, row) -> {
          for (int i = 0; i < row.length; i++) {
            row[i] *= (float) s[i];
          }
        });
    Hessian divided = Hessian.of(w.cols(), scope);
    divided.block(0, w.cols()).data().copyFrom(h.block(0, w.cols()).data());
    divided.divide(s);
    Tensor before = Cases.copy(scaled, scope);
    GroupedCodes codes = new Awq(GRID, 32, gemm).round(scaled, divided, cuts, scope);
    Tensor made = scope.tensor(Dtype.F32, w.rows(), w.cols());
    codes.dequantize(made);
    return Cases.error(before, made, divided, scope);
  }

  @Test
  void scalesAndCutsLoseLessThanNearestRounding() {
    try (Scope scope = Scope.open("test")) {
      Tensor w = Cases.weight(24, 64, 1, scope);
      Hessian h = Cases.seen(Cases.inputs(200, 64, 2, scope), scope);
      double[] ones = new double[64];
      Arrays.fill(ones, 1);
      double[] s = new Awq(GRID, 32, gemm).scales(List.of(w), h, all -> all);
      double nearest = error(w, h, ones, false, scope);
      double scaled = error(w, h, s, false, scope);
      assertThat(scaled).isLessThan(0.6 * nearest);
      assertThat(error(w, h, s, true, scope)).isLessThan(scaled);
    }
  }

  @Test
  void scalesThatWouldLoseMoreAreNotTaken() {
    try (Scope scope = Scope.open("test")) {
      Tensor w = Cases.weight(8, 32, 3, scope);
      Hessian h = Cases.seen(Cases.inputs(100, 32, 4, scope), scope);
      double[] s =
          new Awq(GRID, 32, gemm)
              .scales(
                  List.of(w),
                  h,
                  all -> { // a norm that can hold nothing but extremes
                    double[] wild = all.clone();
                    for (int i = 0; i < wild.length; i++) {
                      wild[i] = i % 2 == 0 ? 1000 : 1e-3;
                    }
                    return wild;
                  });
      assertThat(s).containsOnly(1);
    }
  }
}
