package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.tensor.Dtype;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads and writes bitsandbytes' `quantization_config` of a `config.json`.
///
/// The tensors themselves say which layers are quantised and whether double-quantised
/// ([StoredNf4]); `llm_int8_skip_modules` and `bnb_4bit_use_double_quant` only repeat that, and
/// `bnb_4bit_quant_storage` is ignored. So is `bnb_4bit_compute_dtype`, which is for other
/// programs.
final class BnbConfig {
  private static final String SKIPPED = "llm_int8_skip_modules";

  private BnbConfig() {}

  /// Throws, with the key's name, if the config is not bitsandbytes' 4-bit NF4.
  static void check(ConfigJson q) {
    if (flag(q, "load_in_8bit")) {
      throw q.refuse("load_in_8bit is true; 8-bit weights are not supported, 4-bit nf4 is");
    }
    if (!flag(q, "load_in_4bit")) {
      throw q.refuse("load_in_4bit is not true; 4-bit nf4 is supported");
    }
    String type = q.text("bnb_4bit_quant_type", "fp4"); // the class's default
    if (!type.equals("nf4")) {
      throw refuse(q, "bnb_4bit_quant_type", type, List.of("nf4"));
    }
  }

  /// Tells whether the config declares double quantisation.
  static boolean doubleQuant(ConfigJson q) {
    return flag(q, "bnb_4bit_use_double_quant");
  }

  /// Returns `llm_int8_skip_modules`: names of dense modules, or of modules that contain them.
  static List<String> skipped(ConfigJson q) {
    List<String> names = new ArrayList<>();
    if (q.has(SKIPPED)) {
      q.node(SKIPPED).forEach(entry -> names.add(entry.asString("")));
    }
    return names;
  }

  /// Makes the `quantization_config` with which transformers reads a folder in NF4.
  ///
  /// @param skipped null: bitsandbytes' own choice
  static Map<String, @Nullable Object> of(
      boolean doubleQuant, Dtype compute, @Nullable List<String> skipped) {
    Map<String, @Nullable Object> q = new LinkedHashMap<>();
    q.put("_load_in_4bit", true);
    q.put("_load_in_8bit", false);
    q.put("bnb_4bit_compute_dtype", Nf4Layer.torchName(compute));
    q.put("bnb_4bit_quant_storage", "uint8");
    q.put("bnb_4bit_quant_type", "nf4");
    q.put("bnb_4bit_use_double_quant", doubleQuant);
    q.put("llm_int8_enable_fp32_cpu_offload", false);
    q.put("llm_int8_has_fp16_weight", false);
    q.put(SKIPPED, skipped);
    q.put("llm_int8_threshold", 6.0);
    q.put("load_in_4bit", true);
    q.put("load_in_8bit", false);
    q.put("quant_method", "bitsandbytes");
    return q;
  }

  /// Before transformers 4.40 the flags were written with a leading underscore only.
  private static boolean flag(ConfigJson q, String key) {
    return q.flag(key, q.flag("_" + key, false));
  }

  private static RuntimeException refuse(
      ConfigJson q, String key, String given, List<String> known) {
    return q.refuse(
        key
            + " "
            + ConfigJson.quote(given)
            + " is not supported; supported: "
            + String.join(", ", known));
  }
}
