package dev.nudge.adapter.targets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.linalg.LoraInit;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LoraTest {
  private static final Targets ALL = new Targets.AllLinear();

  @Test
  void theScaleIsAlphaOverRankOrItsRoot() {
    assertThat(Lora.of(16, 32, ALL).scaling("a")).isEqualTo(2);
    assertThat(Lora.of(16, 32, ALL).withRsLora(true).scaling("a")).isEqualTo(8);
  }

  @Test
  void theFirstPatternThatMatchesWins() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put("layers.1.self_attn.q_proj", 2);
    ranks.put("q_proj", 4);
    ranks.put(".*_proj", 8);
    Map<String, Double> alphas = Map.of("^model\\.layers\\.0\\..*", 3.0, "proj", 100.0);
    Lora lora = Lora.of(16, 32, ALL).withPatterns(ranks, alphas);

    assertThat(lora.rank("model.layers.1.self_attn.q_proj")).isEqualTo(2);
    assertThat(lora.rank("model.layers.11.self_attn.q_proj")).isEqualTo(4);
    assertThat(lora.rank("model.layers.1.mlp.up_proj")).isEqualTo(8);
    assertThat(lora.rank("model.layers.1.mlp.up")).isEqualTo(16);
    assertThat(lora.scaling("model.layers.0.self_attn.q_proj")).isEqualTo(3.0 / 4);
    assertThat(lora.scaling("model.layers.1.self_attn.q_proj")).isEqualTo(32.0 / 2);
    assertThat(lora.withRsLora(true).scaling("model.layers.0.self_attn.q_proj")).isEqualTo(1.5);
    assertThat(lora.rankPattern().keySet()).containsExactlyElementsOf(ranks.keySet());
  }

  @Test
  void refusesImpossibleValues() {
    refused(() -> Lora.of(0, 1, ALL), "rank is 0; it must be at least 1");
    refused(() -> Lora.of(1, Double.NaN, ALL), "alpha is NaN; it must be a number");
    refused(
        () -> Lora.of(1, 1, ALL).withDropout(1),
        "dropout is 1.0; it must be at least 0 and below 1");
    refused(
        () -> Lora.of(1, 1, ALL).withPatterns(Map.of("a", 0), Map.of()),
        "rank_pattern of a is 0; it must be at least 1");
    refused(
        () -> Lora.of(1, 1, ALL).withPatterns(Map.of("(", 1), Map.of()),
        "the regular expression '(.*\\.)?(()$' cannot be read: Unclosed group");
  }

  @Test
  void aRankAboveTheLayerIsAnErrorAndAboveItsSmallerSideAWarning() {
    List<LayerShape> layers =
        List.of(
            new LayerShape("m.0.q_proj", 576, 1024),
            new LayerShape("m.0.k_proj", 576, 192),
            new LayerShape("m.0.v_proj", 576, 192));
    assertThat(RankCheck.fresh(Lora.of(192, 1, ALL), layers)).isEmpty();
    assertThat(RankCheck.fresh(Lora.of(193, 1, ALL), layers))
        .containsExactly(
            "rank 193 is above the smaller side of k_proj, v_proj (192): the part above adds"
                + " nothing");
    refused(
        () -> RankCheck.fresh(Lora.of(4096, 1, ALL), layers.subList(0, 1)),
        "rank 4096 is larger than the larger side of q_proj (1024); set --rank to at most 1024");
    refused(
        () -> RankCheck.fresh(Lora.of(4096, 1, ALL), layers),
        "rank 4096 is larger than the larger side of k_proj (576); set --rank to at most 576");
  }

  @Test
  void flagsMayRepeatTheInitialAdapterButNotChangeIt() {
    List<String> linears = TargetsTest.linears(2);
    Lora loaded = Lora.of(8, 16, Targets.leafNames(linears));
    Path folder = Path.of("run");
    new InitAdapter(8, 16.0, false, new Targets.AllLinear())
        .check(loaded, folder, linears, List.of());
    new InitAdapter(null, null, null, null).check(loaded, folder, linears, List.of());
    String start = " disagrees with --init-adapter run, which has ";
    refused(
        () -> new InitAdapter(4, null, null, null).check(loaded, folder, linears, List.of()),
        "--rank 4" + start + "rank 8; leave the flag out");
    refused(
        () -> new InitAdapter(null, 4.5, null, null).check(loaded, folder, linears, List.of()),
        "--alpha 4.5" + start + "alpha 16; leave the flag out");
    refused(
        () -> new InitAdapter(null, null, true, null).check(loaded, folder, linears, List.of()),
        "--rs-lora" + start + "use_rslora false; leave the flag out");
    refused(
        () ->
            new InitAdapter(null, null, null, Targets.parse("q_proj"))
                .check(loaded, folder, linears, List.of()),
        "--targets q_proj"
            + start
            + "other targets (only the adapter has model.layers.0.self_attn.k_proj); leave the flag"
            + " out");
  }

  /// Expected: the formula of [LoraInit] in Python's integers and floats.
  @Test
  void theInitialNumbersAreThoseOfTheFormula() {
    try (Scope scope = Scope.open("test")) {
      Tensor a = scope.tensor(Dtype.F64, 2, 4);
      LoraInit.fill(a, 0, "model.layers.0.self_attn.q_proj");
      double[] expected = {
        -0.07947388291358948, 0.04009881615638733, -0.2813163101673126,
        -0.0643259584903717, 0.4206179082393646, 0.386831134557724
      };
      for (int i = 0; i < expected.length; i++) {
        assertThat(a.at(i)).isEqualTo(expected[i]);
      }
      LoraInit.fill(scope.tensor(Dtype.F64, 2, 4), 1, "something.else");
      Tensor again = scope.tensor(Dtype.F32, 2, 4);
      LoraInit.fill(again, 0, "model.layers.0.self_attn.q_proj");
      assertThat(again.at(5)).isEqualTo((float) expected[5]);
    }
  }

  @Test
  void theInitialNumbersAreUniformInTheirBound() {
    try (Scope scope = Scope.open("test")) {
      int in = 400;
      Tensor a = scope.tensor(Dtype.F32, 500, in);
      LoraInit.fill(a, 42, "model.layers.3.mlp.up_proj");
      double bound = 1 / Math.sqrt(in);
      double sum = 0;
      double squares = 0;
      double neighbours = 0;
      int[] tenths = new int[10];
      long n = a.elements();
      for (long i = 0; i < n; i++) {
        double u = a.at(i) / bound;
        assertThat(Math.abs(u)).isLessThanOrEqualTo(1);
        sum += u;
        squares += u * u;
        neighbours += i == 0 ? 0 : u * a.at(i - 1) / bound;
        tenths[(int) Math.min(9, (u + 1) * 5)]++;
      }
      // Five standard deviations of the estimators for n = 200,000 independent uniform numbers.
      assertThat(sum / n).isBetween(-0.0065, 0.0065);
      assertThat(squares / n).isBetween(1 / 3.0 - 0.0034, 1 / 3.0 + 0.0034);
      assertThat(neighbours / n).isBetween(-0.0038, 0.0038);
      for (int count : tenths) {
        assertThat(count).isBetween(20_000 - 671, 20_000 + 671);
      }
    }
  }

  private static void refused(Runnable call, String message) {
    assertThatThrownBy(call::run).isInstanceOf(InputException.class).hasMessage(message);
  }
}
