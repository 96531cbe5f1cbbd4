package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.ExactComponents;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.format.SafeTensors;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whole runs with ranks and alphas of single modules, with modules left out, and with each way in
/// which A and B may begin: what is in the adapter that they save.
class PatternRunTest {
  private static final int RANK = 6;
  private static final double ALPHA = 12;

  @TempDir private Path temp;
  private Path rows;

  @BeforeEach
  void someRows() throws IOException {
    rows = TinyRun.rows(temp.resolve("rows.jsonl"), 8, 40, 1);
  }

  /// The first pattern that matches says the rank.
  private static int rank(String path) {
    if (path.equals("model.layers.1.mlp.up_proj")) {
      return 3;
    }
    return path.endsWith("v_proj") ? 2 : path.endsWith("k_proj") ? 5 : RANK;
  }

  /// With the last pattern PEFT, which sorts them, would give v_proj another rank.
  @ParameterizedTest
  @ValueSource(strings = {"default", "gaussian", "olora", "pissa", "pissa-niter-2"})
  void eachLayerHasTheRankOfItsPatternAndWhatIsExcludedHasNone(String init) {
    Path out = temp.resolve("out");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.UNTIED,
            rows,
            out,
            "steps 2 batch_size 2 rank 6 alpha 12 compute fp32",
            "init",
            init,
            "rank_pattern",
            List.of("layers.1.mlp.up_proj=3", "v_proj=2", "[kv]_proj=5"),
            "alpha_pattern",
            List.of("up_proj=9"),
            "exclude_modules",
            "down_proj,layers.2.self_attn.o_proj"));
    int times = init.startsWith("pissa") || init.equals("olora") ? 2 : 1; // what it began with too
    Set<String> expected = new TreeSet<>();
    try (SafeTensors model = SafeTensors.open(TinyRun.UNTIED);
        SafeTensors saved = SafeTensors.open(out.resolve(PeftFiles.WEIGHTS));
        PeftAdapter adapter = PeftAdapter.open(out)) {
      for (String name : model.names()) {
        String path = name.substring(0, name.length() - ".weight".length());
        if (!path.endsWith("_proj")
            || path.endsWith("down_proj")
            || path.equals("model.layers.2.self_attn.o_proj")) {
          continue;
        }
        String a = PeftFiles.nameOfA(path);
        String b = PeftFiles.nameOfB(path);
        expected.add(a);
        expected.add(b);
        long rank = (long) times * rank(path);
        List<Long> shape = model.entry(name).shape();
        assertThat(saved.names()).contains(a, b);
        assertThat(saved.entry(a).shape()).as(a).isEqualTo(List.of(rank, shape.get(1)));
        assertThat(saved.entry(b).shape()).as(b).isEqualTo(List.of(shape.get(0), rank));
        assertThat((long) adapter.spec().rank(path)).as(path).isEqualTo(rank);
        double alpha = path.endsWith("up_proj") ? 9 : ALPHA;
        assertThat(adapter.spec().scaling(path))
            .as("scale of %s", path)
            .isCloseTo(alpha / rank(path), within(1e-12));
      }
      assertThat(expected).hasSize(2 * (3 * 6 - 1));
      assertThat(saved.names()).containsExactlyInAnyOrderElementsOf(expected);
    }
  }

  /// Patterns that match all layers, and exclusions of all but some, give the bytes of the flags
  /// that they stand for.
  @Test
  void patternsOfAllLayersAreTheRankAndTheAlphaOfAll() throws IOException {
    String common = "steps 3 batch_size 2 learning_rate 1e-3 compute fp32";
    Path flags = temp.resolve("flags");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.UNTIED, rows, flags, common + " rank 3 alpha 8 targets q_proj,v_proj,up_proj"));
    Path patterns = temp.resolve("patterns");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.UNTIED,
            rows,
            patterns,
            common,
            "rank_pattern",
            List.of(".*_proj=3"),
            "alpha_pattern",
            List.of(".*_proj=8"),
            "exclude_modules",
            "/.*\\.(k|o|gate|down)_proj/"));
    Path other = temp.resolve("other");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.UNTIED,
            rows,
            other,
            common + " rank 3 alpha 32 targets q_proj,v_proj,up_proj"));
    assertThat(patterns.resolve(PeftFiles.WEIGHTS))
        .hasSameBinaryContentAs(flags.resolve(PeftFiles.WEIGHTS));
    assertThat(Files.mismatch(other.resolve(PeftFiles.WEIGHTS), flags.resolve(PeftFiles.WEIGHTS)))
        .as("alpha makes a difference")
        .isNotEqualTo(-1);
  }

  /// The deviation is 1/rank, held to 5 of its own in some 5,000 numbers.
  @Test
  void gaussianBeginsWithNormalNumbersInA() {
    Path out = temp.resolve("out");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.UNTIED,
            rows,
            out,
            "steps 1 batch_size 2 learning_rate 1e-9 rank 6 init gaussian compute fp32"));
    double squares = 0;
    double sum = 0;
    long numbers = 0;
    try (SafeTensors saved = SafeTensors.open(out.resolve(PeftFiles.WEIGHTS))) {
      for (String name : saved.names()) {
        Tensor tensor = saved.tensor(name);
        for (long i = 0; i < tensor.elements(); i++) {
          double value = RANK * tensor.at(i);
          if (name.contains("lora_B")) {
            assertThat(Math.abs(value)).as(name).isLessThan(1e-6);
          } else {
            squares += value * value;
            sum += value;
            numbers++;
          }
        }
      }
    }
    assertThat(numbers).isGreaterThan(5000);
    assertThat(squares / numbers).isCloseTo(1, within(0.1));
    assertThat(sum / numbers).isCloseTo(0, within(0.07));
  }

  /// What the base keeps is, by the sum of its squares, the least possible; more where few rounds
  /// of a randomised decomposition are made. The bounds are those of these rounds in double, with
  /// room.
  @ParameterizedTest
  @CsvSource({
    "pissa, -1e-4, 1e-4",
    "pissa-niter-4, -1e-4, 5e-3",
    "pissa-niter-1, 5e-3, 0.2",
  })
  void theBaseGivesUpTheLargestPartOfEachWeight(String init, double least, double most) {
    Path out = temp.resolve("out");
    int rank = 4;
    TinyRun.run(
        TinyRun.settings(
            TinyRun.UNTIED,
            rows,
            out,
            "steps 1 batch_size 2 learning_rate 1e-9 rank 4 compute fp32",
            "targets",
            "q_proj,k_proj,down_proj",
            "init",
            init));
    try (SafeTensors model = SafeTensors.open(TinyRun.UNTIED);
        SafeTensors saved = SafeTensors.open(out.resolve(PeftFiles.WEIGHTS));
        PeftAdapter adapter = PeftAdapter.open(out)) {
      for (int layer = 0; layer < 3; layer++) {
        for (String leaf : List.of("self_attn.q_proj", "self_attn.k_proj", "mlp.down_proj")) {
          String path = "model.layers." + layer + "." + leaf;
          Tensor a = saved.tensor(PeftFiles.nameOfA(path));
          Tensor b = saved.tensor(PeftFiles.nameOfB(path));
          assertThat(a.rows()).isEqualTo(2 * rank);
          double more =
              more(
                  model.tensor(path + ".weight"),
                  a.rows(rank, 2 * rank),
                  b.cols(rank, 2 * rank),
                  adapter.spec().scaling(path));
          assertThat(more).as(path).isBetween(least, most);
        }
      }
    }
  }

  /// By which share W + s·B·A is larger than what the best approximation of its rank leaves of W.
  private static double more(Tensor w, Tensor a, Tensor b, double scaling) {
    double[][] gram = new double[w.cols()][w.cols()];
    double left = 0;
    for (int r = 0; r < w.rows(); r++) {
      for (int i = 0; i < w.cols(); i++) {
        double rest = w.get(r, i);
        for (int k = 0; k < a.rows(); k++) {
          rest += scaling * b.get(r, k) * a.get(k, i);
        }
        left += rest * rest;
        for (int j = 0; j < w.cols(); j++) {
          gram[i][j] += w.get(r, i) * w.get(r, j);
        }
      }
    }
    return left / ExactComponents.ofSymmetric(gram).from(a.rows()) - 1;
  }
}
