package dev.nudge.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.kernel.ClampedGlu;
import dev.nudge.kernel.Glu;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Routing;
import dev.nudge.nn.layer.Experts;
import dev.nudge.nn.layer.Mlp;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Experts of a decoding step, computed at once, have the bits of one after the other, within the
/// workspace of a dry run. A layer that something is around is computed by itself.
class ExpertsTogetherTest {
  private static final int WIDTH = 128;
  private static final int INNER = 64;

  private final Random random = new Random(Seeds.next());

  /// A layer with an adapter that adds nothing; counts how often it is asked for.
  private record Wrapped(Linear base, AtomicInteger asked) implements LinearWrapper {
    Wrapped(Linear base) {
      this(base, new AtomicInteger());
    }

    @Override
    public void ask() {
      asked.incrementAndGet();
    }

    @Override
    public void forward(Tensor x, Tensor y, Pass p) {
      base.forward(x, y, p);
    }

    @Override
    public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      return base.backward(dy, dx, add, p);
    }

    @Override
    public void parameters(Consumer<Parameter> each) {}
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void togetherOrApartTheBitsAreTheSame(int threads) {
    for (Kernels kernels : List.of(Kernels.fastest(), Kernels.plain())) {
      for (int i = 0; i < 12; i++) {
        compare(kernels, i % 2 == 0 ? Dtype.BF16 : Dtype.F32, i % 3, threads);
      }
    }
  }

  /// Where memory is less than the model, a step asks for the weights of the experts that it
  /// computes, and for no other.
  @Test
  void theChosenExpertsAreAskedFor() {
    Kernels kernels = Kernels.fastest();
    try (Scope scope = Scope.open("test");
        Team team = new Team(1)) {
      Tensor router = scope.tensor(Dtype.F32, 5, WIDTH);
      router.set(3, 0, 1);
      router.set(1, 1, 1);
      List<Linear> layers = new ArrayList<>();
      for (int e = 0; e < 5; e++) {
        layers.add(layer(scope, Dtype.F32, 2 * INNER, WIDTH, false, kernels));
        layers.add(layer(scope, Dtype.F32, WIDTH, INNER, false, kernels));
      }
      List<Wrapped> wrapped = new ArrayList<>();
      UnaryOperator<Linear> around =
          layer -> {
            wrapped.add(new Wrapped(layer));
            return wrapped.getLast();
          };
      Experts experts =
          experts(new LinearSlot("router", DenseLinear.of(router, null)), layers, 1, null, around);
      Tensor x = scope.tensor(Dtype.F32, 2, WIDTH);
      x.set(0, 0, 1);
      x.set(1, 1, 1);
      output(experts, x, kernels, scope, team);
      assertThat(wrapped).allMatch(layer -> layer.asked.get() == 0);
      experts.askAhead();
      output(experts, x, kernels, scope, team);
      assertThat(wrapped.stream().map(layer -> layer.asked.get()))
          .containsExactly(0, 0, 1, 1, 0, 0, 1, 1, 0, 0);
    }
  }

  /// @param form 0: gate and up joined; 1: one matrix; 2: that, with biases and clamped
  private void compare(Kernels kernels, Dtype type, int form, int threads) {
    int n = 1 + random.nextInt(12);
    int count = 2 + random.nextInt(20);
    int k = 1 + random.nextInt(Math.min(4, count));
    try (Scope scope = Scope.open("test");
        Team team = new Team(threads)) {
      Tensor x = draw(scope, type, n, WIDTH);
      LinearSlot router =
          new LinearSlot("router", DenseLinear.of(draw(scope, type, count, WIDTH), null));
      List<Linear> layers = new ArrayList<>();
      for (int e = 0; e < count; e++) {
        layers.add(
            form == 0
                ? JoinedLinear.of(
                    layer(scope, type, INNER, WIDTH, false, kernels),
                    layer(scope, type, INNER, WIDTH, false, kernels))
                : layer(scope, type, 2 * INNER, WIDTH, form == 2, kernels));
        layers.add(layer(scope, type, WIDTH, INNER, form == 2, kernels));
      }
      ClampedGlu clamp = form == 2 ? new ClampedGlu(7, 1.702) : null;
      Experts plain = experts(router, layers, k, clamp, l -> l);
      Tensor together = output(plain, x, kernels, scope, team);
      Tensor apart =
          output(experts(router, layers, k, clamp, Wrapped::new), x, kernels, scope, team);
      AtomicInteger made = new AtomicInteger();
      Tensor mixed = // an adapter on the first expert alone
          output(
              experts(
                  router, layers, k, clamp, l -> made.getAndIncrement() < 2 ? new Wrapped(l) : l),
              x,
              kernels,
              scope,
              team);
      for (Tensor each : List.of(apart, mixed)) {
        assertThat(together.data().mismatch(each.data()))
            .as("%d rows, %d of %d experts, form %d, %s", n, k, count, form, type)
            .isEqualTo(-1);
      }
    }
  }

  private static Experts experts(
      LinearSlot router,
      List<Linear> layers,
      int k,
      @Nullable ClampedGlu clamp,
      UnaryOperator<Linear> around) {
    List<Mlp> experts = new ArrayList<>();
    for (int i = 0; i < layers.size(); i += 2) {
      LinearSlot gateUp = new LinearSlot("gate_up", around.apply(layers.get(i)));
      LinearSlot down = new LinearSlot("down", around.apply(layers.get(i + 1)));
      experts.add(
          new Mlp(SplitLinear.packed(gateUp, INNER, INNER), down, Glu.Activation.SILU, clamp));
    }
    return new Experts(0, router, experts, Routing.Rule.NORMALISED, k, null);
  }

  /// The output of a pass whose workspace has no byte more than a dry run takes.
  private static Tensor output(Experts experts, Tensor x, Kernels kernels, Scope scope, Team team) {
    long bytes;
    try (Workspace dry = Workspace.measuring()) {
      Tensor rows = Tensor.dry(x.dtype(), x.rows(), x.cols());
      pass(experts, rows, rows, kernels.dry(), dry, team);
      bytes = dry.peak();
    }
    Tensor y = scope.tensor(x.dtype(), x.rows(), WIDTH);
    try (Workspace ws = new Workspace(0, bytes, Gemm.plain())) {
      pass(experts, x, y, kernels, ws, team);
      assertThat(ws.peak()).isPositive().isLessThanOrEqualTo(bytes);
    }
    return y;
  }

  private static void pass(
      Experts experts, Tensor x, Tensor y, Kernels kernels, Workspace ws, Team team) {
    Segments rows = Segments.of(new int[] {x.rows()}, new long[1], ws);
    Pass p = new Pass(null, rows, ws, kernels, Dropout.NONE, true, team, null, null);
    Tensor inner = ws.take(x.dtype(), x.rows(), experts.inner());
    experts.forward(x, y, inner, null, p);
  }

  private Linear layer(Scope scope, Dtype type, int out, int in, boolean biased, Kernels kernels) {
    Tensor bias = biased ? draw(scope, type, 1, out) : null;
    Tensor dense = draw(scope, type, out, in);
    return random.nextInt(4) == 0
        ? DenseLinear.of(dense, bias)
        : StoredLinear.of(Nf4Weight.quantize(dense, true, scope, kernels), bias, type);
  }

  private Tensor draw(Scope scope, Dtype type, int rows, int cols) {
    return StoredLinearTest.draw(scope, type, rows, cols, random);
  }
}
