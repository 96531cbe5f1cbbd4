package dev.nudge.adapter;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.adapter.linalg.SymmetricEigen;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds inspecting, comparing and combining of adapters against the matrices themselves, which are
/// small enough here to be made.
class CombinationTest {
  private static final double EPS = 1e-6; // relative: B is rounded to fp32 once
  private static final String Q = "model.layers.0.self_attn.q_proj";
  private static final String UP = "model.layers.0.mlp.up_proj";

  @TempDir Path temp;
  private Path first;
  private Path second;

  @BeforeEach
  void adapters() {
    first = saved("first", Lora.of(3, 6, Targets.parse("q_proj,up_proj")), 1, Q, UP);
    second = saved("second", Lora.of(2, 1, Targets.parse("q_proj")).withRsLora(true), 2, Q);
  }

  private Path saved(String name, Lora spec, int seed, String... paths) {
    Path folder = temp.resolve(name);
    Random random = new Random(seed);
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (String path : paths) {
        tensors.put(PeftFiles.nameOfA(path), filled(scope, random, spec.rank(), 10));
        tensors.put(PeftFiles.nameOfB(path), filled(scope, random, 7, spec.rank()));
      }
      PeftFiles.save(folder, spec, "base", tensors);
    }
    return folder;
  }

  private static Tensor filled(Scope scope, Random random, int rows, int cols) {
    Tensor tensor = scope.tensor(Dtype.F32, rows, cols);
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.put(i, random.nextGaussian());
    }
    return tensor;
  }

  /// ΔW (out, in) by path, made number by number.
  private static Map<String, double[][]> matrices(Path folder) {
    Map<String, double[][]> all = new TreeMap<>();
    try (PeftAdapter adapter = PeftAdapter.open(folder)) {
      for (String name : adapter.tensors().names()) {
        if (PeftFiles.isA(name)) {
          String path = PeftFiles.pathOf(name);
          Tensor a = adapter.tensors().tensor(name);
          Tensor b = adapter.tensors().tensor(PeftFiles.nameOfB(path));
          double[][] w = new double[b.rows()][a.cols()];
          for (int o = 0; o < w.length; o++) {
            for (int i = 0; i < w[o].length; i++) {
              for (int r = 0; r < a.rows(); r++) {
                w[o][i] += adapter.spec().scaling(path) * b.get(o, r) * a.get(r, i);
              }
            }
          }
          all.put(path, w);
        }
      }
    }
    return all;
  }

  private static double[][] at(Map<String, double[][]> all, String path) {
    return requireNonNull(all.get(path));
  }

  private static double norm(double[][] w) {
    double sum = 0;
    for (double[] row : w) {
      sum += Update.dot(row, row);
    }
    return Math.sqrt(sum);
  }

  private static double[][] sum(double x, double[][] v, double y, double[][] w) {
    double[][] sum = new double[v.length][v[0].length];
    for (int o = 0; o < v.length; o++) {
      for (int i = 0; i < v[o].length; i++) {
        sum[o][i] = x * v[o][i] + y * w[o][i];
      }
    }
    return sum;
  }

  private static double apart(double[][] v, double[][] w) {
    return norm(sum(1, v, -1, w)) / norm(v);
  }

  @Test
  void norms() {
    Inspection seen = Inspection.of(first, Map.of(Q, 5.0));
    Map<String, double[][]> made = matrices(first);
    assertThat(seen.layers()).extracting(Inspection.Layer::path).containsExactly(UP, Q);
    Inspection.Layer q = seen.layers().getLast();
    assertThat(q.norm()).isCloseTo(norm(at(made, Q)), within(1e-9));
    assertThat(q.relative()).isCloseTo(q.norm() / 5, within(1e-12));
    assertThat(seen.layers().getFirst().relative()).isNull();
    assertThat(seen.norm())
        .isCloseTo(Math.hypot(norm(at(made, Q)), norm(at(made, UP))), within(1e-9));
    assertThat(seen.parameters()).isEqualTo(2 * 3 * 17);
    assertThat(q.bytes()).isEqualTo(3 * 17 * 4);
    assertThat(seen.dead()).isEmpty();
  }

  @Test
  void aLayerThatDoesNothingIsDead() {
    Path folder = temp.resolve("dead");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (String path : List.of(Q, UP)) {
        tensors.put(PeftFiles.nameOfA(path), filled(scope, new Random(1), 2, 10));
        Tensor b = scope.tensor(Dtype.F32, 7, 2);
        b.set(0, 0, path.equals(Q) ? 0 : 1);
        tensors.put(PeftFiles.nameOfB(path), b);
      }
      PeftFiles.save(folder, Lora.of(2, 2, Targets.parse("q_proj,up_proj")), "base", tensors);
    }
    assertThat(Inspection.of(folder, Map.of()).dead()).containsExactly(Q);
  }

  /// DoRA's magnitude scales what B·A of 0 leaves as it is.
  @Test
  void whatAVariantHoldsBesideIsCountedAndNoLayerIsDead() {
    Path folder = temp.resolve("dora");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put(PeftFiles.nameOfA(Q), filled(scope, new Random(1), 2, 10));
      tensors.put(PeftFiles.nameOfB(Q), scope.tensor(Dtype.F32, 7, 2));
      Lora spec = Lora.of(2, 2, Targets.parse("q_proj")).withVariant(Lora.Variant.DORA);
      tensors.put(
          requireNonNull(PeftFiles.nameOfMore(spec.variant(), Q)),
          filled(scope, new Random(2), 1, 7).reshaped(7));
      PeftFiles.save(folder, spec, "base", tensors);
    }
    Inspection seen = Inspection.of(folder, Map.of());
    assertThat(seen.variant()).isEqualTo("DoRA");
    assertThat(seen.parameters()).isEqualTo(2 * 17 + 7);
    assertThat(seen.dead()).isEmpty();
    assertThat(Inspection.of(first, Map.of()).variant()).isNull();
  }

  /// PEFT saves the tables of a model whose vocabulary was resized, and no key of the config says
  /// so; a table beside its own A and B is the base's.
  @ParameterizedTest
  @CsvSource({"embed_tokens.weight, true", "embed_tokens.base_layer.weight, false"})
  void aTableIsNotLostInASum(String table, boolean refused) {
    Path folder = temp.resolve("resized");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put(PeftFiles.nameOfA(Q), filled(scope, new Random(1), 2, 10));
      tensors.put(PeftFiles.nameOfB(Q), filled(scope, new Random(2), 7, 2));
      tensors.put("base_model.model.model." + table, filled(scope, new Random(3), 12, 10));
      PeftFiles.save(folder, Lora.of(2, 2, Targets.parse("q_proj")), "base", tensors);
    }
    List<Combination.Part> parts =
        List.of(new Combination.Part(folder, 1), new Combination.Part(second, 1));
    Path out = temp.resolve("sum");
    if (refused) {
      assertThatThrownBy(() -> Combination.write(parts, null, out))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("holds whole modules or rows of tokens");
    } else {
      Combination.write(parts, null, out);
      assertThat(matrices(out)).containsOnlyKeys(Q);
    }
  }

  @Test
  void differencesAndCosinesAreThoseOfTheMatrices() {
    AdapterDistance apart = AdapterDistance.of(first, second);
    double[][] a = at(matrices(first), Q);
    double[][] b = at(matrices(second), Q);
    AdapterDistance.Layer q = apart.layers().getLast();
    assertThat(q.difference()).isCloseTo(norm(sum(1, a, -1, b)), within(1e-9));
    double inner = 0;
    for (int o = 0; o < a.length; o++) {
      inner += Update.dot(a[o], b[o]);
    }
    assertThat(q.cosine()).isCloseTo(inner / norm(a) / norm(b), within(1e-9));
    AdapterDistance.Layer up = apart.layers().getFirst(); // the second has none
    assertThat(up.otherNorm()).isZero();
    assertThat(up.cosine()).isNull();
    assertThat(up.difference()).isEqualTo(up.norm());
    AdapterDistance same = AdapterDistance.of(first, first);
    assertThat(same.difference()).isCloseTo(0, within(1e-6));
    assertThat(same.cosine()).isCloseTo(1, within(1e-12));
  }

  private Combination.Combined combine(@Nullable Integer rank, double x, double y) {
    return Combination.write(
        List.of(new Combination.Part(first, x), new Combination.Part(second, y)),
        rank,
        temp.resolve("sum" + rank));
  }

  @Test
  void aWeightedSumByConcatenatedRanksIsExact() {
    Combination.Combined made = combine(null, 0.7, -1.5);
    assertThat(made.rank()).isEqualTo(5);
    assertThat(made.lost()).isZero();
    Map<String, double[][]> sum = matrices(temp.resolve("sumnull"));
    double[][] q = sum(0.7, at(matrices(first), Q), -1.5, at(matrices(second), Q));
    assertThat(apart(q, at(sum, Q))).isLessThan(EPS);
    double[][] up = at(matrices(first), UP);
    assertThat(apart(sum(0.7, up, 0, up), at(sum, UP))).isLessThan(EPS);
    try (PeftAdapter adapter = PeftAdapter.open(temp.resolve("sumnull"))) {
      assertThat(adapter.spec().rank(Q)).isEqualTo(5);
      assertThat(adapter.spec().rank(UP)).isEqualTo(3);
      LayerShape shape = new LayerShape(Q, 10, 7);
      adapter.fit(ModelShape.of(List.of(shape, new LayerShape(UP, 10, 7)))); // as when it is loaded
    }
  }

  @Test
  void aRecompressedSumIsTheBestOfItsRankAndSaysWhatIsLost() {
    double before = 0;
    for (int rank = 1; rank <= 4; rank++) {
      Combination.Combined made = combine(rank, 1, 1);
      assertThat(made.rank()).isEqualTo(Math.min(rank, 4));
      double[][] q = sum(1, at(matrices(first), Q), 1, at(matrices(second), Q));
      double[][] up = at(matrices(first), UP);
      Map<String, double[][]> less = matrices(temp.resolve("sum" + rank));
      double lost =
          Math.hypot(norm(sum(1, q, -1, at(less, Q))), norm(sum(1, up, -1, at(less, UP))));
      double all = Math.hypot(norm(q), norm(up));
      assertThat(made.norm()).isCloseTo(all, within(1e-9 * all));
      assertThat(made.lost()).as("rank %d", rank).isCloseTo(lost / all, within(EPS));
      double best = Math.hypot(tail(q, rank), tail(up, rank));
      assertThat(lost).as("rank %d", rank).isCloseTo(best, within(EPS * all));
      assertThat(rank == 1 || made.lost() < before).isTrue();
      before = made.lost();
    }
    assertThat(combine(5, 1, 1).lost()).isZero();
  }

  /// What the best matrix of a rank leaves, from the eigenvalues of WᵀW.
  private static double tail(double[][] w, int rank) {
    int n = w[0].length;
    double[][] square = new double[n][n];
    for (double[] row : w) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          square[i][j] += row[i] * row[j];
        }
      }
    }
    double sum = 0;
    double[] values = SymmetricEigen.of(square).values();
    for (int i = rank; i < n; i++) {
      sum += Math.max(0, values[i]);
    }
    return Math.sqrt(sum);
  }

  @Test
  void parallelUpdatesAreCompressedWithoutLoss() {
    Combination.Combined made =
        Combination.write(
            List.of(new Combination.Part(first, 1), new Combination.Part(first, 1)),
            3,
            temp.resolve("twice"));
    assertThat(made.lost()).isLessThan(EPS);
    double[][] q = at(matrices(first), Q);
    assertThat(apart(sum(2, q, 0, q), at(matrices(temp.resolve("twice")), Q))).isLessThan(1e-5);
  }

  @Test
  void adaptersOfOtherModelsAreRefused() {
    Path other = temp.resolve("other");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put(PeftFiles.nameOfA(Q), filled(scope, new Random(1), 2, 11));
      tensors.put(PeftFiles.nameOfB(Q), filled(scope, new Random(1), 7, 2));
      PeftFiles.save(other, Lora.of(2, 2, Targets.parse("q_proj")), "base", tensors);
    }
    assertThatThrownBy(() -> AdapterDistance.of(first, other))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("are of different models");
    assertThatThrownBy(
            () ->
                Combination.write(
                    List.of(new Combination.Part(first, 1), new Combination.Part(other, 1)),
                    null,
                    temp.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is of another model than");
    assertThat(temp.resolve("none")).doesNotExist();
  }
}
