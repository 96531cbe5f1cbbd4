package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Hold steps with 8-bit moments to what they are made of: AdamW in fp32 on decoded moments, and
/// for each code an argmin over the map; and all providers to the same bytes.
class AdamW8Test {
  private static final int STEPS = 5;
  private static final AdamW.Hyper HYPER = new AdamW.Hyper(1e-2, 0.9, 0.999, 1e-8, 0.1, 0.7, 3);

  /// A parameter with its state.
  private record Held(Tensor master, Tensor work, Tensor m, Tensor mMax, Tensor v, Tensor vMax) {
    static Held of(Scope scope, int n) {
      long blocks = AdamW8.blocks(n);
      return new Held(
          scope.tensor(Dtype.F32, 1, n),
          scope.tensor(Dtype.BF16, 1, n),
          scope.tensor(Dtype.U8, 1, n),
          scope.tensor(Dtype.F32, 1, blocks),
          scope.tensor(Dtype.U8, 1, n),
          scope.tensor(Dtype.F32, 1, blocks));
    }

    void step(AdamW8 kernel, Tensor grad) {
      kernel.step(master, work, grad, m, mMax, v, vMax, HYPER);
    }

    Tensor[] all() {
      return new Tensor[] {master, work, m, mMax, v, vMax};
    }
  }

  /// Gradients of very different sizes, a block of zeros, and one of subnormal squares.
  private static void fill(Tensor grad, Random random) {
    for (int i = 0; i < grad.cols(); i++) {
      double size = Math.exp(3 * random.nextGaussian()) * 1e-4;
      int block = i / AdamW8.BLOCK;
      grad.put(i, block == 1 ? 0 : random.nextGaussian() * (block == 2 ? 1e-21 : size));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 15, 255, 256, 257, 1000, 1024, 1025, 2837})
  void allProvidersGiveTheSameBytes(int n) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    try (Scope scope = Scope.open("moments")) {
      Held plain = Held.of(scope, n);
      Held fast = Held.of(scope, n);
      Tensor grad = scope.tensor(Dtype.F32, 1, n);
      for (int i = 0; i < n; i++) {
        plain.master().put(i, random.nextGaussian());
      }
      fast.master().data().copyFrom(plain.master().data());
      for (int step = 0; step < STEPS; step++) {
        fill(grad, random);
        plain.step(Kernels.plain().adamW8(), grad);
        fast.step(Kernels.fastest().adamW8(), grad);
        for (int i = 0; i < plain.all().length; i++) {
          assertThat(fast.all()[i].data().mismatch(plain.all()[i].data())).isEqualTo(-1);
        }
      }
    }
  }

  @Test
  void aStepIsAdamWOnDecodedMomentsAndCodesAreTheNearest() {
    int n = 1500;
    Random random = new Random(5);
    try (Scope scope = Scope.open("moments")) {
      Held held = Held.of(scope, n);
      Tensor grad = scope.tensor(Dtype.F32, 1, n);
      Tensor p = scope.tensor(Dtype.F64, 1, n);
      Tensor g = scope.tensor(Dtype.F64, 1, n);
      Tensor m = scope.tensor(Dtype.F64, 1, n);
      Tensor v = scope.tensor(Dtype.F64, 1, n);
      for (int step = 0; step < STEPS; step++) {
        fill(grad, random);
        double[] old = new double[n];
        for (int i = 0; i < n; i++) {
          old[i] = held.master().at(i);
          p.put(i, held.master().at(i));
          g.put(i, grad.at(i));
          m.put(i, level(DynamicMap.SIGNED, held.m(), held.mMax(), i));
          v.put(i, level(DynamicMap.UNSIGNED, held.v(), held.vMax(), i));
        }
        held.step(Kernels.fastest().adamW8(), grad);
        Kernels.plain().adamW().step(p, null, g, m, v, HYPER);
        for (int i = 0; i < n; i++) {
          // eight roundings to fp32, of the change and of the parameter
          double change = Math.abs(p.at(i) - old[i]);
          double bound = 8 * Math.ulp(1f) * (change + Math.abs(old[i]) + 1e-3);
          assertThat(Math.abs(held.master().at(i) - p.at(i))).isLessThan(bound);
          nearest(DynamicMap.SIGNED, held.m(), held.mMax(), i, m.at(i));
          nearest(DynamicMap.UNSIGNED, held.v(), held.vMax(), i, v.at(i));
        }
      }
    }
  }

  private static double level(DynamicMap map, Tensor codes, Tensor maxima, int i) {
    return map.value((int) codes.at(i)) * maxima.at(i / AdamW8.BLOCK);
  }

  /// A parameter with small gradients beside one with large: its second moment lies far below the
  /// smallest level, and a gradient that happens to be tiny must not meet a moment of 0.
  @ParameterizedTest
  @ValueSource(doubles = {1e-2, 1e-4, 1e-6})
  void smallGradientsBesideALargeOneMakeNoLargeSteps(double small) {
    AdamW.Hyper hyper = new AdamW.Hyper(1, 0.9, 0.999, 1e-30, 0, 1, 30);
    try (Scope scope = Scope.open("moments")) {
      for (AdamW8 kernel : List.of(Kernels.plain().adamW8(), Kernels.fastest().adamW8())) {
        Held held = Held.of(scope, AdamW8.BLOCK);
        Tensor grad = scope.tensor(Dtype.F32, 1, AdamW8.BLOCK);
        for (int step = 0; step < 20; step++) {
          for (int i = 0; i < AdamW8.BLOCK; i++) {
            grad.put(i, i == 0 ? 1 : step % 2 == 0 ? small : small * 1e-4);
          }
          held.step(kernel, grad);
        }
        double unit = held.master().at(0); // of 20 steps, all in one direction
        for (int i = 1; i < AdamW8.BLOCK; i++) {
          assertThat(held.master().at(i) / unit).isBetween(0.0, 2.0);
        }
      }
    }
  }

  /// No level lies nearer than the code's, but for the roundings of the moment itself to fp32.
  private static void nearest(DynamicMap map, Tensor codes, Tensor maxima, int i, double moment) {
    double largest = maxima.at(i / AdamW8.BLOCK);
    double kept = Math.abs(level(map, codes, maxima, i) - moment);
    double least = kept;
    int first = map == DynamicMap.UNSIGNED && moment > 0 ? 1 : 0;
    for (int code = first; code < DynamicMap.CODES; code++) {
      least = Math.min(least, Math.abs(map.value(code) * largest - moment));
    }
    assertThat(kept - least).isLessThanOrEqualTo(1e-6 * largest + 2 * Float.MIN_NORMAL);
  }
}
