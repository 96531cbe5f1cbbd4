package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `merge` command.
///
/// @param adapter PEFT folders or run folders, whose updates are summed
/// @param registry registry that resolves references; null: the user's own
/// @param scale factors on the adapters' scales, in order; empty: 1 for all
/// @param tolerance most mean KL divergence of the merged model from base + adapter, nats per token
public record MergeSettings(
    @Group("Model and machine") ModelSettings model,
    @Group("Adapter")
        @Setting(
            help =
                "adapter: a PEFT folder, a run's folder, or NAME@ALIAS, NAME:VERSION, NAME@sha256:…"
                    + " of a registry or org/name of the hub where no such path exists; several are"
                    + " summed",
            required = true,
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        List<String> adapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Setting(
            help = "factor on an adapter's scale, once for each --adapter (default: 1)",
            label = "X")
        List<String> scale,
    @Setting(
            help =
                "weights to merge into: those that the adapter was trained on, in nf4 where"
                    + " --quantize says so, or the model's own",
            byDefault = "trained")
        Into into,
    @Group("Output") @Setting(help = "folder of the new model", required = true, label = "FOLDER")
        Path out,
    @Setting(
            help = "how weights are stored: as the base stores them, or in nf4",
            byDefault = "base")
        Store store,
    @Setting(
            help =
                "most mean KL divergence from base + adapter on the probe text, in nats a token;"
                    + " beyond it nothing is left in --out and the exit code is 3",
            byDefault = "0.01")
        double tolerance,
    @Setting(help = "replace what nudge merged to that folder before") boolean overwrite)
    implements ModelWithers<MergeSettings>, RegistryWithers<MergeSettings> {

  /// Which weights the adapter is merged into.
  public enum Into {
    /// The weights that the adapter was trained on, dequantised if they were quantised.
    TRAINED,
    /// The weights in the model folder.
    ORIGINAL
  }

  /// The format of the merged weights.
  public enum Store {
    /// In the base's types and files.
    BASE,
    /// 4-bit NF4, in the files of bitsandbytes.
    NF4
  }

  public MergeSettings {
    adapter = List.copyOf(adapter);
    scale = List.copyOf(scale);
    if (adapter.isEmpty()) {
      throw new InputException("--adapter is missing; it is required");
    }
    adapter.forEach(a -> Check.notBlank("--adapter", a));
    if (!scale.isEmpty() && scale.size() != adapter.size()) {
      throw new InputException(
          "--scale is given for %d of %d adapters; give it once for each --adapter, in their order, or not at all"
              .formatted(scale.size(), adapter.size()));
    }
    scale.forEach(MergeSettings::number);
    Check.notNegative("--tolerance", tolerance);
  }

  private static double number(String text) {
    Double value = SettingType.decimal(text);
    if (value == null || value.isInfinite()) {
      throw new InputException("--scale is " + SettingType.shown(text) + "; it must be a number");
    }
    return value;
  }

  /// The factors on the adapters' scales.
  public List<Double> scales() {
    List<Double> scales = new ArrayList<>();
    for (int i = 0; i < adapter.size(); i++) {
      scales.add(scale.isEmpty() ? 1 : number(scale.get(i)));
    }
    return scales;
  }

  /// Merges one adapter, everything else at its default.
  ///
  /// @param adapter a PEFT folder or a run's folder
  /// @param out folder of the new model
  public static MergeSettings of(Path model, Path adapter, Path out) {
    return of(Map.of("model", model, "adapter", adapter.toString(), "out", out));
  }

  /// The adapters, which are summed.
  public MergeSettings withAdapter(Path... folders) {
    return with("adapter", Arrays.stream(folders).map(Path::toString).toList());
  }

  /// The weights to merge into.
  public MergeSettings withInto(Into into) {
    return with("into", into);
  }

  /// The most mean KL divergence from base + adapters, nats per token.
  public MergeSettings withTolerance(double nats) {
    return with("tolerance", nats);
  }

  /// Whether an earlier output of nudge in that folder is replaced.
  public MergeSettings withOverwrite(boolean replace) {
    return with("overwrite", replace);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static MergeSettings of(Map<String, ?> values) {
    return Schema.of(MergeSettings.class).of(values);
  }
}
