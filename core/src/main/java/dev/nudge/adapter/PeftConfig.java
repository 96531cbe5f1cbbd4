package dev.nudge.adapter;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.python.PythonJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Writes `adapter_config.json` as PEFT writes it: indent 2, keys sorted, one value per key.
///
/// The keys are those of PEFT 0.10.0, since older readers refuse unknown keys; a newer key
/// (`exclude_modules`, `lora_bias`, 0.14; `trainable_token_indices`, 0.15; `target_parameters`,
/// 0.17;
/// `ensure_weight_tying`, 0.18) is written only if it is set. [PeftReader] reads the file.
public final class PeftConfig {
  /// The file's name in an adapter folder.
  public static final String FILE = "adapter_config.json";

  /// PEFT's task of a reward model.
  static final String REWARD = "SEQ_CLS";

  /// The modules that PEFT saves with such a task: names that a model may give its score head.
  static final List<String> HEADS = List.of("classifier", "score");

  private PeftConfig() {}

  /// Reads a config.
  ///
  /// @throws InputException if the file is no LoRA config, or has unsupported options
  public static Lora read(Path file) {
    return new PeftReader(file).read();
  }

  /// Returns the text of the file for `spec`.
  ///
  /// @param spec with `all-linear` resolved, see [Lora#resolved]
  /// @param baseModel the base as the user named it
  public static String write(Lora spec, String baseModel) {
    LayerFilter layers = spec.layers();
    Map<String, @Nullable Object> keys = new TreeMap<>();
    keys.put("alpha_pattern", values(spec.alphaPattern(), PeftConfig::number));
    keys.put("auto_mapping", null);
    keys.put("base_model_name_or_path", baseModel);
    keys.put("bias", "none");
    keys.put("fan_in_fan_out", false);
    keys.put("inference_mode", true);
    keys.put("init_lora_weights", true);
    keys.put("layer_replication", null);
    keys.put(
        "layers_pattern", layers == null || layers.patterns().isEmpty() ? null : layers.patterns());
    keys.put("layers_to_transform", layers == null ? null : layers.indices());
    keys.put("loftq_config", Map.of());
    keys.put("lora_alpha", number(spec.alpha()));
    keys.put("lora_dropout", spec.dropout());
    keys.put("megatron_config", null);
    keys.put("megatron_core", "megatron.core");
    Extras extras = spec.extras();
    List<String> saved = new ArrayList<>(extras.modules());
    if (extras.score()) {
      saved.addAll(HEADS);
    }
    keys.put("modules_to_save", saved.isEmpty() ? null : saved);
    keys.put("peft_type", "LORA");
    keys.put("r", spec.rank());
    keys.put("rank_pattern", spec.rankPattern());
    keys.put("revision", null);
    keys.put("target_modules", modules(spec.targets()));
    if (spec.targets() instanceof Targets.Parameters both) {
      Targets named = both.modules();
      keys.put("target_modules", named == null ? List.of() : modules(named));
      keys.put("target_parameters", both.parameters());
    }
    keys.put("task_type", extras.score() ? REWARD : "CAUSAL_LM");
    keys.put("use_dora", spec.variant() == Lora.Variant.DORA);
    keys.put("use_rslora", spec.rsLora());
    Targets exclude = spec.exclude();
    if (exclude != null) {
      keys.put("exclude_modules", modules(exclude));
    }
    if (!extras.tokens().isEmpty()) {
      keys.put("trainable_token_indices", extras.tokens());
    }
    if (spec.variant() == Lora.Variant.BIAS) {
      keys.put("lora_bias", true);
    }
    if (extras.tied()) {
      keys.put("ensure_weight_tying", true);
    }
    return PythonJson.write(keys);
  }

  private static Object modules(Targets targets) {
    return switch (targets) {
      case Targets.AllLinear all -> all.toString();
      case Targets.Names names -> List.copyOf(names.names());
      case Targets.Regex regex -> regex.pattern();
      case Targets.Parameters both -> both.parameters();
    };
  }

  /// Writes an integral alpha without a decimal point, as Python does.
  private static Object number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15 ? (Object) (long) value : value;
  }

  private static <T> Map<String, Object> values(Map<String, T> map, Function<T, Object> write) {
    return map.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry -> write.apply(entry.getValue()),
                (a, b) -> a,
                LinkedHashMap::new));
  }
}
