package dev.nudge.adapter.targets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TargetsTest {
  private static final List<String> LINEARS = linears(12);
  private static final List<String> ENDS = List.of("lm_head", "model.embed_tokens");

  static List<String> linears(int layers) {
    List<String> paths = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      for (String leaf : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
        paths.add("model.layers." + i + ".self_attn." + leaf);
      }
      for (String leaf : List.of("gate_proj", "up_proj", "down_proj")) {
        paths.add("model.layers." + i + ".mlp." + leaf);
      }
    }
    return paths;
  }

  private static List<String> select(String targets) {
    return Lora.of(4, 8, Targets.parse(targets)).select(LINEARS, ENDS);
  }

  private static Lora restricted(
      Targets targets, @Nullable Targets exclude, @Nullable LayerFilter layers) {
    return Lora.of(4, 8, targets).without(exclude, layers);
  }

  @Test
  void readsTheThreeForms() {
    assertThat(Targets.parse("all-linear")).isEqualTo(new Targets.AllLinear());
    assertThat(Targets.parse(" q_proj, v_proj ,q_proj"))
        .isEqualTo(new Targets.Names(List.of("q_proj", "v_proj")));
    assertThat(Targets.parse("/.*\\.(q,v)_proj/")).isEqualTo(new Targets.Regex(".*\\.(q,v)_proj"));
  }

  @Test
  void refusesWhatIsNoneOfThem() {
    refused("", "'' has an empty name; give all-linear, names with commas, or /regex/");
    refused(
        "q_proj,", "'q_proj,' has an empty name; give all-linear, names with commas, or /regex/");
    refused("/", "'/' is not a regular expression between slashes, as in /.*_proj/");
    refused("//", "'//' is not a regular expression between slashes, as in /.*_proj/");
    refused("/a", "'/a' is not a regular expression between slashes, as in /.*_proj/");
    refused("/(a/", "the regular expression '(a' cannot be read: Unclosed group");
  }

  @Test
  void allLinearIsEveryLinearLayerAndSavedAsSortedLeafNames() {
    assertThat(select("all-linear")).isEqualTo(LINEARS);
    ModelShape shape =
        ModelShape.of(LINEARS.stream().map(path -> new LayerShape(path, 8, 8)).toList());
    assertThat(Lora.of(4, 8, new Targets.AllLinear()).resolved(shape).targets().toString())
        .isEqualTo("down_proj,gate_proj,k_proj,o_proj,q_proj,up_proj,v_proj");
  }

  @Test
  void aNameIsAWholePathOrADottedSuffix() {
    assertThat(select("q_proj")).hasSize(12).allMatch(p -> p.endsWith(".q_proj"));
    assertThat(select("1.self_attn.q_proj")).containsExactly("model.layers.1.self_attn.q_proj");
    assertThat(select("model.layers.11.mlp.up_proj")).hasSize(1);
    assertThat(select("mlp.up_proj,v_proj")).hasSize(24);
    refused(
        "c_attn_x",
        "target 'c_attn_x' matches no linear layer of the model; the linear layers are down_proj,"
            + " gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj");
  }

  @Test
  void aRegularExpressionMatchesTheWholePath() {
    assertThat(select("/.*\\.[01]\\..*q_proj/")).hasSize(2);
    refused(
        "/q_proj/",
        "targets /q_proj/ select no linear layer; the linear layers are down_proj, gate_proj,"
            + " k_proj, o_proj, q_proj, up_proj, v_proj");
  }

  @Test
  void oneNameOfSeveralThatMatchesNothingIsAnError() {
    refused(
        "v_proj,qproj",
        "target 'qproj' matches no linear layer of the model; did you mean q_proj, k_proj or"
            + " o_proj?");
    refused(
        "self_attn.qproj",
        "target 'self_attn.qproj' matches no linear layer of the model; did you mean"
            + " self_attn.q_proj, self_attn.k_proj or self_attn.o_proj?");
  }

  @Test
  void theHeadAndTheEmbeddingAreTakenWhereTheyAreNamed() {
    assertThat(select("q_proj,lm_head")).contains("lm_head").doesNotContain("model.embed_tokens");
    assertThat(select("embed_tokens")).containsExactly("model.embed_tokens");
    assertThat(select("/.*/")).contains("lm_head", "model.embed_tokens");
    assertThat(select("all-linear")).doesNotContain("lm_head", "model.embed_tokens");
  }

  @Test
  void exclusionComesFirst() {
    Targets names = Targets.parse("q_proj,v_proj");
    assertThat(restricted(names, Targets.parse("v_proj"), null).select(LINEARS, ENDS))
        .isEqualTo(select("q_proj"));
    assertThat(restricted(names, new Targets.Regex(".*\\.\\d\\..*"), null).select(LINEARS, ENDS))
        .hasSize(4);
    assertThat(
            restricted(new Targets.Regex(".*"), Targets.parse("lm_head,embed_tokens"), null)
                .select(LINEARS, ENDS))
        .isEqualTo(LINEARS);
    assertThatThrownBy(() -> restricted(names, names, null).select(LINEARS, ENDS))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            "targets q_proj,v_proj select no linear layer with exclude_modules q_proj,v_proj;");
  }

  @Test
  void layersRestrictNamesButNotWholePaths() {
    Targets names = Targets.parse("q_proj,model.layers.3.mlp.up_proj");
    assertThat(
            restricted(names, null, new LayerFilter(List.of(1, 11), List.of()))
                .select(LINEARS, ENDS))
        .containsExactly(
            "model.layers.1.self_attn.q_proj",
            "model.layers.3.mlp.up_proj",
            "model.layers.11.self_attn.q_proj");
    assertThat(
            restricted(names, null, new LayerFilter(List.of(1), List.of("h", "layers")))
                .select(LINEARS, ENDS))
        .hasSize(2);
    assertThatThrownBy(
            () ->
                restricted(names, null, new LayerFilter(List.of(1, 12), List.of()))
                    .select(LINEARS, ENDS))
        .isInstanceOf(InputException.class)
        .hasMessage("layers_to_transform names layer 12; the model has layers 0 to 11");
    assertThatThrownBy(
            () ->
                restricted(names, null, new LayerFilter(List.of(1), List.of("h")))
                    .select(LINEARS, ENDS))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "layers_to_transform names layer 1; the model has no layer that layers_pattern [h]"
                + " matches");
    assertThatThrownBy(
            () -> restricted(new Targets.AllLinear(), null, new LayerFilter(List.of(1), List.of())))
        .isInstanceOf(InputException.class)
        .hasMessage("layers_to_transform needs a list of target_modules, not all-linear");
  }

  private static void refused(String targets, String message) {
    assertThatThrownBy(() -> select(targets))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }
}
