package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.tensor.Dtype;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The `quantization_config` of a `config.json`: what bitsandbytes wrote, and whether it can be
/// read.
///
/// Which layers are quantised, and how their scales are kept, is told by the tensors themselves
/// ([StoredNf4]), where they are there; `llm_int8_skip_modules` and `bnb_4bit_use_double_quant`
/// repeat that, and `bnb_4bit_quant_storage` is passed over. `bnb_4bit_compute_dtype` is a wish for
/// another program.
final class BnbConfig {
  private static final String SKIPPED = "llm_int8_skip_modules";

  private BnbConfig() {}

  /// Refuses, by name, what is not 4-bit NF4 of bitsandbytes.
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

  /// Whether the scales are said to be quantised too.
  static boolean doubleQuant(ConfigJson q) {
    return flag(q, "bnb_4bit_use_double_quant");
  }

  /// What `llm_int8_skip_modules` names: modules that stay dense, or such as contain them.
  static List<String> skipped(ConfigJson q) {
    List<String> names = new ArrayList<>();
    if (q.has(SKIPPED)) {
      q.node(SKIPPED).forEach(entry -> names.add(entry.asString("")));
    }
    return names;
  }

  /// What transformers needs to know of a folder in NF4.
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
