package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import java.util.List;
import java.util.Locale;

/// Finds the format that a `quantization_config` declares: tools name the same layouts in different
/// ways, and old tools omit names.
final class QuantMethod {
  static final String BITSANDBYTES = "bitsandbytes";
  static final String GPTQ = "gptq";
  static final String AWQ = "awq";
  static final String COMPRESSED_TENSORS = "compressed-tensors";

  private static final String METHOD = "quant_method";
  private static final String PACKING = "packing_format";
  private static final String AUTO_ROUND = "auto-round";

  /// AutoRound's layouts that store zero points unchanged.
  private static final List<String> PLAIN_ZEROS = List.of("auto_round", "auto_round:gptqmodel");

  private static final List<String> PACKINGS =
      List.of("auto_round:auto_gptq", "auto_round:gptqmodel", "auto_round:auto_awq");

  private QuantMethod() {}

  /// The `quant_method` of one of the formats, or the config's own if that is unknown.
  static String of(ConfigJson q) {
    if (!q.has(METHOD)) {
      if (q.has("w_bit") || layout(q, "").equals("gemm")) {
        return AWQ;
      }
      if (q.has("desc_act") || q.has("damp_percent")) {
        return GPTQ;
      }
      return q.has("config_groups") ? COMPRESSED_TENSORS : BITSANDBYTES;
    }
    String method = q.text(METHOD, null);
    if (!method.endsWith(AUTO_ROUND)) { // intel/auto-round before 2025
      return method;
    }
    String packing = packing(q);
    if (packing.equals("auto_round:auto_awq")) {
      return AWQ;
    }
    if (PACKINGS.contains(packing) || PLAIN_ZEROS.contains(packing)) {
      return GPTQ;
    }
    throw q.refuse(
        PACKING
            + " "
            + ConfigJson.quote(packing)
            + " is not supported; supported: "
            + String.join(", ", PACKINGS));
  }

  /// The layout that a config of GPTQ or AWQ names, in lower case.
  ///
  /// @param absent the layout if it names none
  static String layout(ConfigJson q, String absent) {
    if (q.has(METHOD) && q.text(METHOD, null).endsWith(AUTO_ROUND)) {
      return PLAIN_ZEROS.contains(packing(q)) ? GptqFormat.V2 : absent;
    }
    for (String key : new String[] {"checkpoint_format", "format", "version"}) {
      if (q.has(key)) {
        return q.text(key, null).toLowerCase(Locale.ROOT);
      }
    }
    return absent;
  }

  private static String packing(ConfigJson q) {
    return q.has(PACKING) ? q.text(PACKING, null) : PACKINGS.getFirst();
  }
}
