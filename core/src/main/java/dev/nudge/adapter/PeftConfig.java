package dev.nudge.adapter;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.python.PythonJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
  /// @throws InputException if the file is no config of a kind that is supported, or has
  ///     unsupported options
  public static AdapterKind read(Path file) {
    return new PeftReader(file).read();
  }

  /// Returns the text of the file for `kind`.
  ///
  /// @param kind with `all-linear` resolved, see [AdapterKind#resolved]
  /// @param baseModel the base as the user named it
  public static String write(AdapterKind kind, String baseModel) {
    Lora where = kind.where();
    Extras extras = where.extras();
    Map<String, @Nullable Object> keys = new TreeMap<>();
    keys.put("auto_mapping", null);
    keys.put("base_model_name_or_path", baseModel);
    keys.put("fan_in_fan_out", false);
    keys.put("inference_mode", true);
    List<String> saved = new ArrayList<>(extras.modules());
    if (extras.score()) {
      saved.addAll(HEADS);
    }
    keys.put("modules_to_save", saved.isEmpty() ? null : saved);
    keys.put("revision", null);
    keys.put("target_modules", modules(where.targets()));
    if (where.targets() instanceof Targets.Parameters both) {
      Targets named = both.modules();
      keys.put("target_modules", named == null ? List.of() : modules(named));
      keys.put("target_parameters", both.parameters());
    }
    keys.put("task_type", extras.score() ? REWARD : "CAUSAL_LM");
    Targets exclude = where.exclude();
    if (exclude != null) {
      keys.put("exclude_modules", modules(exclude));
    }
    if (!extras.tokens().isEmpty()) {
      keys.put("trainable_token_indices", extras.tokens());
    }
    if (extras.tied()) {
      keys.put("ensure_weight_tying", true);
    }
    kind.config(keys);
    return PythonJson.write(keys);
  }

  static Object modules(Targets targets) {
    return switch (targets) {
      case Targets.AllLinear all -> all.toString();
      case Targets.Names names -> List.copyOf(names.names());
      case Targets.Regex regex -> regex.pattern();
      case Targets.Parameters both -> both.parameters();
    };
  }
}
