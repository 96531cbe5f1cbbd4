package dev.nudge.model;

import dev.nudge.model.family.LayerConfig;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.ModelConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One of the inputs of a decoder layer's linear layers, in the order in which they are computed:
/// which layers read it, and which weights can absorb a factor on its columns.
///
/// Names are those in the layer: `self_attn.q_proj`, `input_layernorm`.
///
/// @param linears that read the input
/// @param norm whose output it is; null: none
/// @param feeder the linear layer whose outputs it is proportional to; null: none
/// @param first row of the feeder that column 0 is proportional to
public record LayerInput(
    List<String> linears, @Nullable String norm, @Nullable String feeder, int first) {

  /// The inputs of layer `i`.
  public static List<LayerInput> of(ModelConfig config, int i) {
    LayerConfig layer = config.layers().get(i);
    boolean qkv = layer.style().fused().qkv();
    boolean gateUp = layer.style().fused().gateUp();
    Norms norms = layer.style().norms();
    int q = layer.attention().queryWidth();
    int k = layer.attention().keyWidth();
    // with grouped-query attention one row of v feeds several columns of o
    String v = q != k ? null : qkv ? "self_attn.qkv_proj" : "self_attn.v_proj";
    return List.of(
        new LayerInput(
            qkv
                ? List.of("self_attn.qkv_proj")
                : List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            norms.beforeAttention(),
            null,
            0),
        new LayerInput(List.of("self_attn.o_proj"), null, v, qkv ? q + k : 0),
        new LayerInput(
            gateUp ? List.of("mlp.gate_up_proj") : List.of("mlp.gate_proj", "mlp.up_proj"),
            norms.beforeMlp(),
            null,
            0),
        new LayerInput(
            List.of("mlp.down_proj"),
            null,
            gateUp ? "mlp.gate_up_proj" : "mlp.up_proj",
            gateUp ? layer.feed().inner() : 0));
  }
}
