package dev.nudge.gguf;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The supported architectures of GGUF files: how each names the tensors of a layer, and where it
/// stores them differently from Hugging Face.
public enum GgufArchitecture {
  /// Llama and Mistral; rows of q and k are in another order ([HeadRows]).
  LLAMA("llama", "llama", "LlamaForCausalLM", Layer.PLAIN, Layer.BIASED),
  QWEN2("qwen2", "qwen2", "Qwen2ForCausalLM", Layer.PLAIN, List.of("attn_q", "attn_k", "attn_v")),
  /// Llama without RoPE in every fourth layer.
  SMOLLM3("smollm3", "smollm3", "SmolLM3ForCausalLM", Layer.PLAIN, List.of()),
  /// Llama with four multipliers.
  GRANITE("granite", "granite", "GraniteForCausalLM", Layer.PLAIN, Layer.BIASED),
  /// Norms only after attention and MLP.
  OLMO2("olmo2", "olmo2", "Olmo2ForCausalLM", Layer.BEHIND, List.of()),
  QWEN3("qwen3", "qwen3", "Qwen3ForCausalLM", Layer.QK_NORMS, List.of()),
  /// Norms are stored as 1 + w, as in Gemma 3.
  GEMMA2("gemma2", "gemma2", "Gemma2ForCausalLM", Layer.AROUND, List.of()),
  GEMMA3("gemma3", "gemma3_text", "Gemma3ForCausalLM", Layer.AROUND_QK, List.of()),
  /// q, k and v are one matrix; gate and up are another.
  PHI3("phi3", "phi3", "Phi3ForCausalLM", Layer.FUSED, List.of());

  private final String key;
  private final String modelType;
  private final String huggingFaceClass;
  private final Map<String, String> layer; // GGUF → Hugging Face
  private final List<String> biased;

  GgufArchitecture(
      String key,
      String modelType,
      String huggingFaceClass,
      Map<String, String> layer,
      List<String> biased) {
    this.key = key;
    this.modelType = modelType;
    this.huggingFaceClass = huggingFaceClass;
    this.layer = layer;
    this.biased = biased;
  }

  /// The names of a layer's modules.
  private static final class Layer {
    static final List<String> BIASED =
        List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");
    static final Map<String, String> PLAIN =
        of(
            "attn_norm=input_layernorm attn_q=self_attn.q_proj attn_k=self_attn.k_proj"
                + " attn_v=self_attn.v_proj attn_output=self_attn.o_proj"
                + " ffn_norm=post_attention_layernorm ffn_gate=mlp.gate_proj ffn_up=mlp.up_proj"
                + " ffn_down=mlp.down_proj");
    static final Map<String, String> QK_NORMS =
        with(PLAIN, "attn_q_norm=self_attn.q_norm attn_k_norm=self_attn.k_norm");
    static final Map<String, String> AROUND =
        with(
            PLAIN,
            "post_attention_norm=post_attention_layernorm ffn_norm=pre_feedforward_layernorm"
                + " post_ffw_norm=post_feedforward_layernorm");
    static final Map<String, String> AROUND_QK =
        with(AROUND, "attn_q_norm=self_attn.q_norm attn_k_norm=self_attn.k_norm");
    static final Map<String, String> FUSED =
        of(
            "attn_norm=input_layernorm attn_qkv=self_attn.qkv_proj attn_output=self_attn.o_proj"
                + " ffn_norm=post_attention_layernorm ffn_up=mlp.gate_up_proj"
                + " ffn_down=mlp.down_proj");

    static final Map<String, String> BEHIND =
        of(
            "attn_q=self_attn.q_proj attn_k=self_attn.k_proj attn_v=self_attn.v_proj"
                + " attn_output=self_attn.o_proj attn_q_norm=self_attn.q_norm"
                + " attn_k_norm=self_attn.k_norm post_attention_norm=post_attention_layernorm"
                + " ffn_gate=mlp.gate_proj ffn_up=mlp.up_proj ffn_down=mlp.down_proj"
                + " post_ffw_norm=post_feedforward_layernorm");

    private static Map<String, String> of(String pairs) {
      Map<String, String> names = new LinkedHashMap<>();
      for (String pair : pairs.split(" ")) {
        names.put(pair.split("=")[0], pair.split("=")[1]);
      }
      return names;
    }

    private static Map<String, String> with(Map<String, String> names, String pairs) {
      Map<String, String> more = new LinkedHashMap<>(names);
      more.putAll(of(pairs));
      return more;
    }
  }

  /// Returns the architecture of a `general.architecture`; null: unknown.
  public static @Nullable GgufArchitecture of(String key) {
    return Arrays.stream(values()).filter(a -> a.key.equals(key)).findFirst().orElse(null);
  }

  /// Returns the architecture in which models of a `model_type` are written; null: none.
  public static @Nullable GgufArchitecture ofModelType(String modelType) {
    String type = modelType.equals("mistral") ? "llama" : modelType;
    return Arrays.stream(values()).filter(a -> a.modelType.equals(type)).findFirst().orElse(null);
  }

  /// Returns the value of `general.architecture`, which also prefixes metadata keys.
  public String key() {
    return key;
  }

  /// Returns the `model_type` of a `config.json`.
  public String modelType() {
    return modelType;
  }

  /// Returns the transformers class of a `config.json`.
  public String huggingFaceClass() {
    return huggingFaceClass;
  }

  /// Returns the modules of a layer: GGUF's name → Hugging Face's.
  Map<String, String> layer() {
    return layer;
  }

  /// Returns whether a module of a layer may have a bias.
  boolean mayHaveBias(String module) {
    return biased.contains(module);
  }

  /// Whether norm weights are stored as 1 + w.
  public boolean addsOneToNorms() {
    return this == GEMMA2 || this == GEMMA3;
  }

  /// Whether the rows of q and k are in another order ([HeadRows]).
  public boolean reordersHeads() {
    return this == LLAMA || this == SMOLLM3 || this == GRANITE;
  }

  /// Returns the known values of `general.architecture`, for messages.
  public static String known() {
    return Arrays.stream(values()).map(GgufArchitecture::key).collect(Collectors.joining(", "));
  }
}
