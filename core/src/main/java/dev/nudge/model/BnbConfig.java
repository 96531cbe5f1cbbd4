package dev.nudge.model;

import dev.nudge.settings.Quantize;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// The `quantization_config` of a `config.json`: what bitsandbytes wrote, and whether it can be
/// read.
///
/// Which layers are quantised, and how their scales are kept, is told by the tensors themselves
/// ([StoredNf4]), where they are there; `llm_int8_skip_modules` and `bnb_4bit_use_double_quant`
/// repeat that, and `bnb_4bit_quant_storage` is passed over. `bnb_4bit_compute_dtype` is a wish for
/// another program.
final class BnbConfig {
  /// The key in `config.json`.
  static final String KEY = "quantization_config";

  private static final String SKIPPED = "llm_int8_skip_modules";

  private BnbConfig() {}

  /// Refuses, by name, what is not 4-bit NF4 of bitsandbytes.
  static void check(ConfigJson q) {
    String method = q.text("quant_method", "bitsandbytes");
    if (!method.equals("bitsandbytes")) {
      throw refuse(q, "quant_method", method, List.of("bitsandbytes (4-bit nf4)"));
    }
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

  /// Returns how tensors that are not there are stored, as a checked config says. A layer stays
  /// dense where an entry of `llm_int8_skip_modules` names it or a module on its path, whole
  /// segments.
  static Quantization stored(ConfigJson q, ModelConfig config) {
    Set<String> leftOut = new TreeSet<>();
    for (String path : config.projections()) {
      for (JsonNode entry :
          q.has(SKIPPED) ? q.node(SKIPPED) : JsonNodeFactory.instance.arrayNode()) {
        String left = "." + entry.asString("") + ".";
        if (("." + path + ".").contains(left) || ("." + config.module(path) + ".").contains(left)) {
          leftOut.add(path);
        }
      }
    }
    return new Quantization(Quantize.NF4, flag(q, "bnb_4bit_use_double_quant"), leftOut);
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
