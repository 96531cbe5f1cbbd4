package dev.nudge.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GgufNamesTest {
  @ParameterizedTest
  @EnumSource(GgufArchitecture.class)
  void everyNameIsTranslatedBothWays(GgufArchitecture a) {
    Set<String> names = new HashSet<>();
    for (String module : a.layer().keySet()) {
      String gguf = "blk.12." + module + ".weight";
      String name = GgufNames.huggingFace(a, gguf);
      assertThat(name).startsWith("model.layers.12.");
      assertThat(names.add(name)).isTrue();
      assertThat(GgufNames.gguf(a, String.valueOf(name))).isEqualTo(gguf);
    }
    for (String gguf : new String[] {"token_embd", "output_norm", "output"}) {
      String name = GgufNames.huggingFace(a, gguf + ".weight");
      assertThat(GgufNames.gguf(a, String.valueOf(name))).isEqualTo(gguf + ".weight");
    }
  }

  @Test
  void aNameThatAnArchitectureHasNotIsNone() {
    for (String name :
        new String[] {
          "blk.0.attn_q_norm.weight",
          "blk.01.attn_q.weight",
          "blk.-1.attn_q.weight",
          "blk.0.attn_q",
          "blk.0.attn_q.scale",
          "blk.0.ffn_gate_exps.weight",
          "output.bias",
          "attn_q.weight",
          ""
        }) {
      assertThat(GgufNames.huggingFace(GgufArchitecture.LLAMA, name)).as(name).isNull();
    }
    assertThat(GgufNames.huggingFace(GgufArchitecture.QWEN2, "blk.0.attn_output.bias")).isNull();
    assertThat(GgufNames.huggingFace(GgufArchitecture.QWEN2, "blk.0.attn_q.bias"))
        .isEqualTo("model.layers.0.self_attn.q_proj.bias");
    assertThat(GgufNames.gguf(GgufArchitecture.LLAMA, "model.layers.0.self_attn.q_norm.weight"))
        .isNull();
  }

  @Test
  void rowsOfHeadsMoveAsLlamaCppMovesThem() {
    HeadRows order = new HeadRows(12, 2); // two heads of 6: 0 3 1 4 2 5
    int[] inModel = {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11};
    for (int row = 0; row < inModel.length; row++) {
      assertThat(order.inFile(inModel[row])).isEqualTo(row);
    }
    assertThatThrownBy(() -> new HeadRows(9, 3)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new HeadRows(8, 0)).isInstanceOf(IllegalArgumentException.class);
  }
}
