package dev.nudge.eval.release;

import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataWithers;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ModelWithers;
import dev.nudge.settings.verb.RegistryWithers;
import dev.nudge.settings.verb.TrainOnWithers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `release` command.
///
/// @param adapter a PEFT folder, a run's folder or a registry reference
/// @param registry registry that resolves references; null: the user's own
/// @param data held-out rows on which the release is compared with base + adapter
/// @param to form to write
/// @param calibration files of rows, for forms that need calibration
/// @param groupSize inputs that share a scale in these forms; -1: a whole row; null: 128
/// @param tolerance most loss above base + adapter, in nats per token; null: [#TOLERANCE], or
///     `policy` decides
/// @param policy file of rules about the task `held_out` and its metric `loss`; null: none
public record ReleaseSettings(
    @Group("Model and machine") ModelSettings model,
    @Group("Adapter")
        @Setting(
            help =
                "adapter: a PEFT folder, a run's folder, or NAME@ALIAS, NAME:VERSION, NAME@sha256:…"
                    + " of a registry or org/name of the hub where no such path exists",
            required = true,
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        Path adapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Group("Held-out rows") DataSettings data,
    @Setting(help = LengthSettings.TRUNCATE) boolean truncate,
    @Group("Release")
        @Setting(
            help =
                "the form that is served: dense; nf4 (4 bits, bitsandbytes), gptq or awq, as"
                    + " quantize writes them; gguf:TYPE, as export writes it",
            byDefault = "dense",
            label = "FORM")
        String to,
    @Setting(
            help =
                "gptq and awq: rows to calibrate on, read as --data is (not the held-out rows);"
                    + " several are read in order",
            label = "FILE",
            names = Setting.Names.DATA)
        List<String> calibration,
    @Setting(
            help = "gptq and awq: inputs that share a scale, or -1 for all of a row (default: 128)")
        @Nullable Integer groupSize,
    @Setting(
            help =
                "most loss above base + adapter on the rows, in nats a token: exit code 3 where it"
                    + " is shown to be more, 4 where neither is shown, and the model is left out of"
                    + " --out (default: 0.01)")
        @Nullable Double tolerance,
    @Setting(
            help =
                "what has to hold instead of --tolerance: a policy as of eval, whose rules are"
                    + " about the loss of the task held_out, beside base + adapter",
            label = "FILE")
        @Nullable Path policy,
    @Setting(help = "folder of the release", required = true, label = "FOLDER") Path out,
    @Setting(help = "replace what nudge released to that folder before") boolean overwrite)
    implements ModelWithers<ReleaseSettings>,
        RegistryWithers<ReleaseSettings>,
        DataWithers<ReleaseSettings>,
        TrainOnWithers<ReleaseSettings> {

  /// The default tolerance, in nats per token.
  public static final double TOLERANCE = 0.01;

  public ReleaseSettings {
    calibration = List.copyOf(calibration);
    calibration.forEach(file -> Check.notBlank("--calibration", file));
    ReleaseForm.of(to);
    if (tolerance != null) {
      Check.notNegative("--tolerance", tolerance);
    }
    if (tolerance != null && policy != null) {
      throw new InputException(
          "--tolerance and --policy are both given; the policy says what has to hold, so leave"
              + " --tolerance out");
    }
  }

  /// Returns settings to release an adapter in the base's own types, with defaults for the rest.
  public static ReleaseSettings of(Path model, Path adapter, Path data, Path out) {
    return of(
        Map.of("model", model, "adapter", adapter, "data", data.toString(), "out", out.toString()));
  }

  /// Sets the form to write, such as `nf4`.
  public ReleaseSettings withTo(String form) {
    return with("to", form);
  }

  /// Sets the files of calibration rows, for `gptq` and `awq`.
  public ReleaseSettings withCalibration(Path... files) {
    return with("calibration", Arrays.stream(files).map(Path::toString).toList());
  }

  /// Sets the inputs that share a scale in `gptq` and `awq`; -1: a whole row.
  public ReleaseSettings withGroupSize(int inputs) {
    return with("group_size", inputs);
  }

  /// Sets the most loss above base + adapter, in nats per token.
  public ReleaseSettings withTolerance(double nats) {
    return with("tolerance", nats);
  }

  /// Sets the policy, in place of a tolerance.
  public ReleaseSettings withPolicy(Path file) {
    return with("policy", file);
  }

  /// Returns the most loss above base + adapter if there is no policy.
  double mostLoss() {
    return tolerance == null ? TOLERANCE : tolerance;
  }

  /// Sets whether to replace an earlier release in the folder.
  public ReleaseSettings withOverwrite(boolean replace) {
    return with("overwrite", replace);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static ReleaseSettings of(Map<String, ?> values) {
    return Schema.of(ReleaseSettings.class).of(values);
  }
}
