package dev.nudge.adapter.targets;

import dev.nudge.settings.Given;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.VariantSettings;
import java.nio.file.Path;

/// Holds the flags of a variant that must not contradict the adapter a run continues from, as
/// [InitAdapter] holds the others.
///
/// @param given which flags were given
public record InitVariant(VariantSettings settings, double dropout, Given given) {
  /// Checks the flags against the adapter read from `folder`.
  ///
  /// @throws InputException naming the flag and what the adapter has
  public void check(Lora loaded, Path folder) {
    boolean dora = loaded.variant() == Lora.Variant.DORA;
    check("dora", settings.dora() == dora, "use_dora " + dora, folder);
    boolean biased = loaded.variant() == Lora.Variant.BIAS;
    check("lora_bias", settings.loraBias() == biased, "lora_bias " + biased, folder);
    check(
        "rank_pattern",
        settings.ranks().equals(loaded.rankPattern()),
        "rank_pattern " + loaded.rankPattern(),
        folder);
    check(
        "alpha_pattern",
        settings.alphas().equals(loaded.alphaPattern()),
        "alpha_pattern " + loaded.alphaPattern(),
        folder);
    for (String key : new String[] {"exclude_modules", "layers_to_transform"}) {
      check(key, false, "its own layers", folder);
    }
    if (dora && dropout > 0) {
      throw new InputException(
          "--dropout is above 0 with --init-adapter %s, which is DoRA and trains without dropout; leave it out"
              .formatted(folder));
    }
  }

  private void check(String key, boolean agrees, String has, Path folder) {
    if (given.contains(key) && !agrees) {
      throw new InputException(
          "--%s disagrees with --init-adapter %s, which has %s; leave the flag out"
              .formatted(key.replace('_', '-'), folder, has));
    }
  }
}
