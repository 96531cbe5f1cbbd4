package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.settings.InputException;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds which tensors `--freeze` means: a module with all that is in it, or one tensor.
class FreezeTest {
  /// @param frozen an expression that matches the frozen tensors and no others
  @ParameterizedTest
  @CsvSource({
    "embed_tokens, 'model.embed_tokens.weight'",
    "q_proj, '.*q_proj.(weight|bias)'",
    "'q_proj,v_proj', '.*[qv]_proj.(weight|bias)'",
    "q_proj.bias, '.*q_proj.bias'",
    "model.layers.0, 'model.layers.0..*'",
    "layers.1, 'model.layers.1..*'",
    "self_attn, '.*self_attn.*'",
    "'/model.layers.[01].mlp/', '.*mlp.*'",
    "'/.*norm/', '.*norm.weight'",
    "norm, 'model.norm.weight'",
    "model, 'model.*'",
    "lm_head, 'lm_head.weight'",
    "all-linear, 'model.layers.*_proj.(weight|bias)'"
  })
  void anEntryIsAModuleOrATensor(String entry, String frozen) {
    ModelConfig config = TinyLlama.config(2, false, true);
    Predicate<String> trains = Freeze.trains(List.of(entry), config);
    for (String name : config.tensors().keySet()) {
      assertThat(trains.test(name)).as(name).isEqualTo(!name.matches(frozen));
    }
  }

  @ParameterizedTest
  @CsvSource({"lm_head", "embed_tokens", "lm_head.weight"})
  void aTiedHeadIsTheEmbedding(String entry) {
    ModelConfig config = TinyLlama.config(1, true, false);
    Predicate<String> trains = Freeze.trains(List.of(entry), config);
    assertThat(config.tensors().keySet().stream().filter(trains.negate()))
        .containsExactly("model.embed_tokens.weight");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "q_prj | --freeze 'q_prj' matches no module or tensor of the model; did you mean q_proj",
        "q_proj,x | --freeze 'x' matches no module or tensor of the model",
        "layers.9 | --freeze 'layers.9' matches no module or tensor of the model",
        "/.*norm2/ | --freeze '/.*norm2/' matches no module or tensor of the model",
        "proj.weight | --freeze 'proj.weight' matches no module or tensor of the model",
        "/.*/ | --freeze /.*/ leaves nothing to train; give fewer modules"
      })
  void whatMatchesNothingOrAllIsRefused(String entry, String message) {
    ModelConfig config = TinyLlama.config(2, false, true);
    assertThatThrownBy(() -> Freeze.trains(List.of(entry), config))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(message);
  }
}
