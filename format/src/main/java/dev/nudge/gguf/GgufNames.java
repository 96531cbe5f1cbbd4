package dev.nudge.gguf;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Translates tensor names: `blk.3.attn_q.weight` ↔ `model.layers.3.self_attn.q_proj.weight`.
public final class GgufNames {
  /// Factors by which Llama 3's RoPE divides the frequencies.
  public static final String ROPE_FREQS = "rope_freqs.weight";

  /// Factors of longrope for long and short sequences.
  public static final String ROPE_LONG = "rope_factors_long.weight";

  public static final String ROPE_SHORT = "rope_factors_short.weight";

  private static final Map<String, String> ENDS =
      Map.of(
          "token_embd.weight", "model.embed_tokens.weight",
          "output_norm.weight", "model.norm.weight",
          "output.weight", "lm_head.weight");
  private static final String BLOCK = "blk.";
  private static final String LAYERS = "model.layers.";

  private GgufNames() {}

  /// Whether a tensor holds factors of RoPE, which Hugging Face keeps in the config.
  public static boolean isConfig(String gguf) {
    return gguf.equals(ROPE_FREQS) || gguf.equals(ROPE_LONG) || gguf.equals(ROPE_SHORT);
  }

  /// Returns Hugging Face's name of a tensor; null: the architecture has no such tensor.
  public static @Nullable String huggingFace(GgufArchitecture a, String gguf) {
    if (ENDS.containsKey(gguf)) {
      return ENDS.get(gguf);
    }
    String[] parts = gguf.split("\\.", -1);
    if (parts.length != 4 || !gguf.startsWith(BLOCK) || !isLayer(parts[1])) {
      return null;
    }
    String module = a.layer().get(parts[2]);
    return module == null || !known(a, parts[2], parts[3])
        ? null
        : LAYERS + parts[1] + "." + module + "." + parts[3];
  }

  private static boolean known(GgufArchitecture a, String module, String end) {
    return end.equals("weight") || (end.equals("bias") && a.mayHaveBias(module));
  }

  private static boolean isLayer(String number) {
    return number.matches("0|[1-9]\\d{0,5}");
  }

  /// Returns the layer of a tensor, from 0; −1: not in a layer.
  ///
  /// @param gguf a name that [#huggingFace] knows
  public static int layer(String gguf) {
    return gguf.startsWith(BLOCK) ? Integer.parseInt(gguf.split("\\.", 3)[1]) : -1;
  }

  /// Returns GGUF's name of a tensor; null: none.
  public static @Nullable String gguf(GgufArchitecture a, String huggingFace) {
    for (Map.Entry<String, String> end : ENDS.entrySet()) {
      if (end.getValue().equals(huggingFace)) {
        return end.getKey();
      }
    }
    if (!huggingFace.startsWith(LAYERS)) {
      return null;
    }
    String rest = huggingFace.substring(LAYERS.length());
    int dot = rest.indexOf('.');
    int last = rest.lastIndexOf('.');
    if (dot < 0 || last <= dot || !isLayer(rest.substring(0, dot))) {
      return null;
    }
    String module = rest.substring(dot + 1, last);
    String end = rest.substring(last + 1);
    for (Map.Entry<String, String> e : a.layer().entrySet()) {
      if (e.getValue().equals(module) && known(a, e.getKey(), end)) {
        return BLOCK + rest.substring(0, dot) + "." + e.getKey() + "." + end;
      }
    }
    return null;
  }

  /// Returns the key of the head count if the file reorders a tensor's rows (those of q and k);
  /// null: Hugging Face's order.
  ///
  /// @param huggingFace name of the tensor
  /// @return `attention.head_count` or `attention.head_count_kv`
  public static @Nullable String headsKey(GgufArchitecture a, String huggingFace) {
    if (!a.reordersHeads()) {
      return null;
    }
    return huggingFace.contains(".self_attn.q_proj.")
        ? "attention.head_count"
        : huggingFace.contains(".self_attn.k_proj.") ? "attention.head_count_kv" : null;
  }
}
