package dev.nudge.train.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.nudge.collective.Collective;
import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.Warmup;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Hold the sweep over pieces to the kernel on whole parameters, whatever the number of lanes and
/// wherever the state lies.
class AdamWOptimizerTest {
  private static final int[][] SHAPES = {{3, 5}, {64, 64}, {300, 517}, {1, 65536}, {7, 1}};
  private static final int STEPS = 3;
  private static final double RATE = 1e-2;

  @TempDir private Path temp;

  private static OptimizerSettings settings(Optimizer optimizer) {
    return new OptimizerSettings(
        new Rate(RATE),
        Schedule.CONSTANT,
        new Warmup(0),
        false,
        0.1,
        1,
        optimizer,
        0.9,
        0.999,
        1e-8,
        null);
  }

  private static List<Parameter> parameters(Scope scope) {
    Random random = new Random(3);
    List<Parameter> parameters = new ArrayList<>();
    for (int[] shape : SHAPES) {
      Parameter p = new Parameter("p", shape[0] != 64, shape[0], shape[1], Dtype.BF16, 2, scope);
      for (long i = 0; i < p.elements(); i++) {
        p.master().put(i, random.nextGaussian());
      }
      parameters.add(p);
    }
    return parameters;
  }

  private static void gradients(List<Parameter> parameters, int step) {
    Random random = new Random(step);
    for (Parameter p : parameters) {
      for (int lane = 0; lane < p.lanes(); lane++) {
        for (long i = 0; i < p.elements(); i++) {
          p.gradient(lane).put(i, 0.01 * random.nextGaussian());
        }
      }
    }
  }

  /// The bytes of masters and working copies after some steps, and the norms of the gradients.
  private static byte[][] trained(Optimizer optimizer, int lanes, @Nullable Path paged) {
    return trained(optimizer, lanes, paged, new ArrayList<>());
  }

  private static byte[][] trained(
      Optimizer optimizer, int lanes, @Nullable Path paged, List<Double> norms) {
    try (Scope scope = Scope.open("parameters");
        Lanes threads = new Lanes(lanes)) {
      List<Parameter> parameters = parameters(scope);
      try (var o =
          new AdamWOptimizer(parameters, settings(optimizer), Kernels.fastest(), threads, paged)) {
        for (int step = 0; step < STEPS; step++) {
          gradients(parameters, step);
          double norm = o.reduce(Collective.ALONE);
          norms.add(norm);
          o.apply(RATE, Math.min(1, 1 / (norm + 1e-6)));
        }
      }
      List<byte[]> bytes = new ArrayList<>();
      for (Parameter p : parameters) {
        bytes.add(bytes(p.master()));
        bytes.add(bytes(p.work()));
        assertThat(bytes(p.gradient(1))).containsOnly(0);
      }
      bytes.add(norms.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
      return bytes.toArray(byte[][]::new);
    }
  }

  private static byte[] bytes(Tensor t) {
    return t.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  @ParameterizedTest
  @EnumSource(Optimizer.class)
  void lanesAndPagingDoNotChangeABit(Optimizer optimizer) throws IOException {
    byte[][] one = trained(optimizer, 1, null);
    assertThat(trained(optimizer, 3, null)).isDeepEqualTo(one);
    assertThat(trained(optimizer, 2, temp)).isDeepEqualTo(one);
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void piecesGiveWhatTheWholeWouldGive() {
    List<Double> norms = new ArrayList<>();
    byte[][] got = trained(Optimizer.ADAMW, 2, null, norms);
    Kernels kernels = Kernels.fastest();
    try (Scope scope = Scope.open("parameters")) {
      List<Parameter> parameters = parameters(scope);
      List<Tensor> m = new ArrayList<>();
      List<Tensor> v = new ArrayList<>();
      parameters.forEach(p -> m.add(scope.tensor(Dtype.F32, p.master().shape())));
      parameters.forEach(p -> v.add(scope.tensor(Dtype.F32, p.master().shape())));
      for (int step = 0; step < STEPS; step++) {
        gradients(parameters, step);
        double squares = 0;
        for (Parameter p : parameters) {
          kernels.elementwise().add(p.gradient(1), p.gradient(0));
          squares += kernels.elementwise().sumOfSquares(p.gradient(0));
        }
        // a sum of pieces is the sum of the whole to rounding alone
        assertThat(norms.get(step)).isCloseTo(Math.sqrt(squares), withinPercentage(1e-9));
        double clip = Math.min(1, 1 / (norms.get(step) + 1e-6));
        for (int i = 0; i < parameters.size(); i++) {
          Parameter p = parameters.get(i);
          double decay = p.decay() ? 0.1 : 0;
          kernels
              .adamW()
              .step(
                  p.master(),
                  p.work(),
                  p.gradient(0),
                  m.get(i),
                  v.get(i),
                  new AdamW.Hyper(RATE, 0.9, 0.999, 1e-8, decay, clip, step + 1));
        }
      }
      for (int i = 0; i < parameters.size(); i++) {
        assertThat(got[2 * i]).isEqualTo(bytes(parameters.get(i).master()));
        assertThat(got[2 * i + 1]).isEqualTo(bytes(parameters.get(i).work()));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Optimizer.class)
  void theBytesAreCountedBefore(Optimizer optimizer) {
    try (Scope scope = Scope.open("parameters");
        Lanes lanes = new Lanes(1)) {
      List<Parameter> parameters = parameters(scope);
      long before = Ledger.byOwner().getOrDefault("optimizer", 0L);
      try (var o =
          new AdamWOptimizer(parameters, settings(optimizer), Kernels.fastest(), lanes, null)) {
        o.clear();
        long held = Ledger.byOwner().getOrDefault("optimizer", 0L) - before;
        assertThat(held).isEqualTo(AdamWOptimizer.bytes(parameters, optimizer));
        long elements = parameters.stream().mapToLong(Parameter::elements).sum();
        double each = optimizer == Optimizer.ADAMW ? 8 : 2 + 8.0 / 256;
        assertThat(held / each / elements).isBetween(1.0, 1.01);
      }
    }
  }
}
