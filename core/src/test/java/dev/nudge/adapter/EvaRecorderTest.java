package dev.nudge.adapter;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.ExactComponents;
import dev.nudge.adapter.init.EvaRecorder;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Holds what EVA finds in the inputs of layers against their principal components in double: ranks
/// by the share of the variance, as PEFT gives them with a rho of 2 (the sum is rank times layers,
/// a layer has at most twice the rank), and A.
class EvaRecorderTest {
  private static final int RANK = 3;
  private static final int ROWS = 24; // of a batch
  private static final int OUT = 5;
  private static final int[] COUNTED =
      IntStream.range(0, ROWS).filter(EvaRecorderTest::counts).toArray();

  private static final String Q = "model.layers.0.self_attn.q_proj";
  private static final String V = "model.layers.0.self_attn.v_proj";
  private static final String O = "model.layers.0.self_attn.o_proj";
  private static final String UP = "model.layers.0.mlp.up_proj";
  private static final String DOWN = "model.layers.1.mlp.down_proj";
  private static final String GATE = "model.layers.0.mlp.gate_proj";

  /// Inputs of layers: their deviations along six directions, beside which there is nearly nothing.
  private enum Input {
    ATTENTION(8, 4, 0.8, 0.6, 0.3, 0.15, 0.08),
    ATTENDED(7, 1.5, 1.3, 1.1, 0.9, 0.6, 0.4),
    STREAM(8, 2, 1.4, 1, 0.5, 0.25, 0.12),
    GATED(10, 1, 0.9, 0.8, 0.7, 0.6, 0.5);

    private final int width;
    private final double[] deviations;

    Input(int width, double... deviations) {
      this.width = width;
      this.deviations = deviations;
    }
  }

  private final Backend backend = Backend.plain(Dtype.F32);
  private final Random random = new Random(5); // gives shares that lie apart where ranks end
  private final Map<Input, double[]> mirrors = new EnumMap<>(Input.class);

  EvaRecorderTest() {
    for (Input input : Input.values()) {
      double[] u = new double[input.width];
      double square = 0;
      for (int c = 0; c < u.length; c++) {
        u[c] = random.nextGaussian();
        square += u[c] * u[c];
      }
      for (int c = 0; c < u.length; c++) {
        u[c] /= Math.sqrt(square);
      }
      mirrors.put(input, u);
    }
  }

  private static boolean counts(int row) {
    return row % 4 != 3;
  }

  /// Rows around 2 of which those that do not count are far away. Directions are axes in a mirror.
  private double[][] batch(Input input) {
    double[][] rows = new double[ROWS][input.width];
    double[] u = requireNonNull(mirrors.get(input));
    for (int r = 0; r < ROWS; r++) {
      boolean counts = counts(r);
      for (int c = 0; c < input.width; c++) {
        rows[r][c] = counts ? 2 + 0.02 * random.nextGaussian() : 50 * random.nextGaussian();
      }
      for (int j = 0; j < input.deviations.length && counts; j++) {
        double by = input.deviations[j] * random.nextGaussian();
        for (int c = 0; c < input.width; c++) {
          rows[r][c] += by * ((c == j ? 1 : 0) - 2 * u[j] * u[c]);
        }
      }
    }
    return rows;
  }

  private static LinearSlot slot(String path, Input input, Scope scope) {
    return new LinearSlot(path, DenseLinear.of(scope.tensor(Dtype.F32, OUT, input.width), null));
  }

  /// Runs a layer on rows in `x`, as a pass does.
  private void forward(LinearSlot slot, double[][] rows, Tensor x) {
    for (int r = 0; r < ROWS; r++) {
      for (int c = 0; c < x.cols(); c++) {
        x.set(r, c, rows[r][c]);
      }
    }
    try (Workspace ws = new Workspace(0, 1 << 16, Gemm.plain())) {
      Segments segments = Segments.of(new int[] {ROWS}, new long[1], ws);
      Tensor y = ws.take(Dtype.F32, ROWS, OUT);
      slot.linear().forward(x, y, new Pass(null, segments, ws, backend.kernels(), Dropout.NONE));
    }
  }

  /// A of each layer, as [EvaRecorder#fill] writes it; B has to be zero.
  private static Map<String, double[][]> directions(
      EvaRecorder recorder, List<LinearSlot> slots, Lora spec) {
    Map<String, double[][]> found = new LinkedHashMap<>();
    try (Scope scope = Scope.open("adapter")) {
      Modules modules = new Modules(slots, null, false, null, "", Map.of(), null);
      Adapters adapters =
          Adapters.attach(modules, spec.ranked(recorder.ranks()), 1, Dtype.F32, 1, scope);
      recorder.fill(adapters);
      for (LoraPlace place : adapters.linears()) {
        Tensor a = place.a().master();
        double[][] rows = new double[a.rows()][a.cols()];
        for (int r = 0; r < a.rows(); r++) {
          for (int c = 0; c < a.cols(); c++) {
            rows[r][c] = a.get(r, c);
          }
        }
        found.put(place.path(), rows);
        Tensor b = place.b().master();
        for (long i = 0; i < b.elements(); i++) {
          assertThat(b.at(i)).isZero();
        }
      }
      adapters.detach();
    }
    return found;
  }

  private static Lora spec() {
    return Lora.of(RANK, 6, new Targets.AllLinear());
  }

  /// The ranks that PEFT gives to layers by their shares.
  private static Map<String, Integer> ranks(Map<String, ExactComponents> exact) {
    record Direction(String path, double share) {}
    List<Direction> all = new ArrayList<>();
    exact.forEach(
        (path, components) -> {
          for (int i = 0; i < 2 * RANK; i++) {
            all.add(new Direction(path, components.share(i)));
          }
        });
    all.sort(Comparator.comparingDouble(direction -> -direction.share));
    Map<String, Integer> ranks = new LinkedHashMap<>();
    all.subList(0, RANK * exact.size()).forEach(each -> ranks.merge(each.path, 1, Integer::sum));
    return ranks;
  }

  /// The stream that goes into attention is, in the same memory, what goes into the next module
  /// too; two layers of one module have one input.
  @Test
  void ranksAndDirectionsAreThoseOfTheExactComponents() {
    Map<String, Input> inputs = new LinkedHashMap<>();
    inputs.put(Q, Input.ATTENTION);
    inputs.put(V, Input.ATTENTION);
    inputs.put(O, Input.ATTENDED);
    inputs.put(UP, Input.STREAM);
    inputs.put(DOWN, Input.GATED);
    Map<Input, List<double[]>> counted = new EnumMap<>(Input.class);
    try (Scope scope = Scope.open("inputs")) {
      Tensor stream = scope.tensor(Dtype.F32, ROWS, 8);
      Map<Input, Tensor> places = new EnumMap<>(Input.class);
      places.put(Input.ATTENTION, stream);
      places.put(Input.STREAM, stream);
      places.put(Input.ATTENDED, scope.tensor(Dtype.F32, ROWS, 7));
      places.put(Input.GATED, scope.tensor(Dtype.F32, ROWS, 10));
      List<LinearSlot> adapted = new ArrayList<>();
      inputs.forEach((path, input) -> adapted.add(slot(path, input, scope)));
      List<LinearSlot> all = new ArrayList<>(adapted);
      all.add(slot(GATE, Input.STREAM, scope));
      List<Linear> bases = all.stream().map(LinearSlot::linear).toList();
      try (EvaRecorder recorder = new EvaRecorder(all, inputs.keySet(), RANK, backend, 1)) {
        assertThat(all.getLast().linear()).isSameAs(bases.getLast());
        for (int pass = 0; pass < 2; pass++) {
          Map<Input, double[][]> rows = new EnumMap<>(Input.class);
          for (Input input : Input.values()) {
            rows.put(input, batch(input));
          }
          recorder.next(COUNTED);
          for (LinearSlot slot : adapted) {
            Input input = requireNonNull(inputs.get(slot.path()));
            forward(slot, requireNonNull(rows.get(input)), requireNonNull(places.get(input)));
          }
          rows.forEach(
              (input, each) -> {
                for (int row : COUNTED) {
                  counted.computeIfAbsent(input, i -> new ArrayList<>()).add(each[row]);
                }
              });
        }
        recorder.detach();
        assertThat(all.stream().map(LinearSlot::linear).toList()).isEqualTo(bases);
        Map<String, ExactComponents> exact = new LinkedHashMap<>();
        inputs.forEach(
            (path, input) ->
                exact.put(path, ExactComponents.of(requireNonNull(counted.get(input)))));
        Map<String, Integer> ranks = recorder.ranks();
        assertThat(ranks).isEqualTo(ranks(exact));
        assertThat(ranks).containsEntry(Q, 1).containsEntry(V, 1).containsEntry(DOWN, 2 * RANK);
        assertThat(ranks.values().stream().mapToInt(Integer::intValue).sum())
            .isEqualTo(RANK * inputs.size());
        compare(directions(recorder, adapted, spec()), exact, ranks);
        for (String path : inputs.keySet()) {
          assertThat(spec().ranked(ranks).scaling(path))
              .isCloseTo(spec().scaling(path), within(1e-12));
        }
      }
    }
  }

  private static void compare(
      Map<String, double[][]> found,
      Map<String, ExactComponents> exact,
      Map<String, Integer> ranks) {
    assertThat(found.keySet()).isEqualTo(exact.keySet());
    found.forEach(
        (path, rows) -> {
          assertThat(rows)
              .as(path)
              .hasDimensions(
                  requireNonNull(ranks.get(path)), requireNonNull(exact.get(path)).values().length);
          for (int i = 0; i < rows.length; i++) {
            double[] direction = requireNonNull(exact.get(path)).vectors()[i];
            double cosine = 0;
            double square = 0;
            for (int c = 0; c < direction.length; c++) {
              cosine += rows[i][c] * direction[c];
              square += rows[i][c] * rows[i][c];
            }
            assertThat(square).as("length of %s %d", path, i).isCloseTo(1, within(1e-3));
            assertThat(Math.abs(cosine)).as("direction %d of %s", i, path).isGreaterThan(0.99);
          }
        });
  }

  /// Once the directions have stayed, other rows change nothing.
  @Test
  void whatIsSteadyIsLeftAsItIs() {
    try (Scope scope = Scope.open("inputs")) {
      Tensor x = scope.tensor(Dtype.F32, ROWS, 10);
      LinearSlot slot = slot(DOWN, Input.GATED, scope);
      double[][] rows = batch(Input.GATED);
      double[][] others = batch(Input.GATED);
      try (EvaRecorder recorder = new EvaRecorder(List.of(slot), Set.of(DOWN), RANK, backend, 1)) {
        assertThat(recorder.converged()).isFalse();
        recorder.next(COUNTED);
        forward(slot, rows, x);
        assertThat(recorder.converged()).isFalse();
        recorder.next(COUNTED);
        forward(slot, rows, x);
        assertThat(recorder.converged()).isTrue();
        double[][] before = requireNonNull(directions(recorder, List.of(slot), spec()).get(DOWN));
        recorder.next(COUNTED);
        forward(slot, others, x);
        assertThat(directions(recorder, List.of(slot), spec()).get(DOWN)).isDeepEqualTo(before);
      }
    }
  }

  private static String shown(Map<String, double[][]> directions) {
    return Arrays.deepToString(directions.values().toArray());
  }

  @Test
  void aBatchOfFewerRowsThanDirectionsCountsNothing() {
    try (Scope scope = Scope.open("inputs")) {
      Tensor x = scope.tensor(Dtype.F32, ROWS, 10);
      LinearSlot slot = slot(DOWN, Input.GATED, scope);
      try (EvaRecorder recorder = new EvaRecorder(List.of(slot), Set.of(DOWN), RANK, backend, 1)) {
        recorder.next(IntStream.range(0, EvaRecorder.MORE * RANK - 1).toArray());
        forward(slot, batch(Input.GATED), x);
        assertThat(recorder.ranks()).isEmpty();
        assertThat(recorder.converged()).isFalse();
        recorder.next(IntStream.range(0, EvaRecorder.MORE * RANK).toArray());
        forward(slot, batch(Input.GATED), x);
        assertThat(recorder.ranks()).containsExactly(Map.entry(DOWN, RANK));
      }
    }
  }
}
