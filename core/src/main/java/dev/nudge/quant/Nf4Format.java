package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Nf4;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The NF4 format of bitsandbytes, with scales in fp32 or double-quantised ([Nf4Weight]).
public record Nf4Format(boolean doubleQuant) implements WritableFormat {
  private static final String DOUBLE_QUANT = "double_quant";

  @Override
  public Quantize method() {
    return Quantize.NF4;
  }

  @Override
  public String name() {
    return "nf4";
  }

  @Override
  public String shown() {
    return doubleQuant ? "nf4 with double quantisation" : "nf4 alone";
  }

  @Override
  public String flags() {
    return WritableFormat.super.flags() + (doubleQuant ? "" : " --no-double-quant");
  }

  @Override
  public Map<String, Object> variant() {
    return Map.of(DOUBLE_QUANT, doubleQuant);
  }

  @Override
  public WeightFormat in(Map<String, ?> variant) {
    return new Nf4Format(Boolean.TRUE.equals(variant.get(DOUBLE_QUANT)));
  }

  @Override
  public String quantMethod() {
    return "bitsandbytes";
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    BnbConfig.check(q);
    return new Nf4Format(BnbConfig.doubleQuant(q));
  }

  @Override
  public List<String> skipped(ConfigJson q) {
    return BnbConfig.skipped(q);
  }

  @Override
  public List<String> parts(String path) {
    return StoredNf4.parts(path + ".weight", doubleQuant);
  }

  @Override
  public boolean stores(WeightFile file, String path) {
    return StoredNf4.is(file, path + ".weight");
  }

  @Override
  public WeightFormat in(WeightFile file, Collection<String> paths) {
    return new Nf4Format(paths.stream().anyMatch(path -> StoredNf4.nested(file, path + ".weight")));
  }

  @Override
  public StoredWeight open(WeightFile file, String path, int rows, int cols) {
    return StoredNf4.read(file, path + ".weight", rows, cols);
  }

  @Override
  public Dtype before(WeightFile file, String path, int rows, int cols) {
    return StoredNf4.dtype(file, path + ".weight", rows, cols);
  }

  @Override
  public StoredWeight dry(String path, int rows, int cols) {
    return Nf4Weight.dry(rows, cols, doubleQuant);
  }

  @Override
  public long room(long n) {
    return doubleQuant ? 4L * Nf4.blocks(n) : 0; // the scales before they are quantised
  }

  @Override
  public StoredWeight make(Tensor dense, Scope scope, Kernels kernels, MemorySegment room) {
    return Nf4Weight.quantize(
        dense, doubleQuant, scope, kernels, n -> Tensor.of(room, Dtype.F32, 1, n));
  }

  @Override
  public @Nullable Layer layer(String path, int rows, int cols, Dtype before) {
    return doubleQuant ? null : new Nf4Layer(path + ".weight", rows, cols, before, null);
  }

  @Override
  public Layer layer(String path, Dtype before, StoredWeight made) {
    return Nf4Layer.of(path + ".weight", before, (Nf4Weight) made);
  }

  @Override
  public Map<String, @Nullable Object> config(Dtype compute, @Nullable List<String> skipped) {
    return BnbConfig.of(doubleQuant, compute, skipped);
  }

  /// Reads and writes bitsandbytes' `quantization_config` of a `config.json`.
  ///
  /// The tensors themselves say which layers are quantised and whether double-quantised
  /// ([StoredNf4]); `llm_int8_skip_modules` and `bnb_4bit_use_double_quant` only repeat that, and
  /// `bnb_4bit_quant_storage` is ignored. So is `bnb_4bit_compute_dtype`, which is for other
  /// programs.
  private static final class BnbConfig {
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
      q.supported("bnb_4bit_quant_type", type, List.of("nf4"));
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
  }
}
