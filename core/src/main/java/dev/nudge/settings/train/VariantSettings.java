package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/// Variants of a LoRA adapter, and modules that differ from the others, as in PEFT.
///
/// @param rankPattern `KEY=R`: PEFT's `rank_pattern`; a key is a dotted suffix of a module path or
///     a regular expression, and the first that matches wins
/// @param alphaPattern `KEY=ALPHA`: PEFT's `alpha_pattern`
/// @param excludeModules modules that are left out, as in `--targets`; null: none
/// @param layersToTransform numbers of the layers that are adapted, with commas; null: all
/// @param layersPattern name of the list of layers; null: any
public record VariantSettings(
    @Setting(help = "train the norms of the weights' rows beside their directions (DoRA)")
        boolean dora,
    @Setting(help = "add a trained bias to the update of each layer") boolean loraBias,
    @Setting(
            help =
                "rank of modules that differ, by dotted suffix or expression; the first that"
                    + " matches wins; may be given several times",
            label = "REGEX=R")
        List<String> rankPattern,
    @Setting(help = "alpha of modules that differ, in the same way", label = "REGEX=ALPHA")
        List<String> alphaPattern,
    @Setting(
            help = "layers that are left out of --targets: a list or /regex/ over the whole path",
            label = "q_proj,v_proj|/regex/")
        @Nullable String excludeModules,
    @Setting(
            help = "numbers of the decoder layers that are adapted, where --targets is a list",
            label = "0,1,2")
        @Nullable String layersToTransform,
    @Setting(help = "with --layers-to-transform: name of the list of layers", label = "layers")
        @Nullable String layersPattern) {

  public VariantSettings {
    rankPattern = List.copyOf(rankPattern);
    alphaPattern = List.copyOf(alphaPattern);
    ranks(rankPattern);
    alphas(alphaPattern);
    layers(layersToTransform);
    Check.notBlank("--exclude-modules", excludeModules);
    Check.notBlank("--layers-pattern", layersPattern);
    if (dora && loraBias) {
      throw new InputException("--dora and --lora-bias are both given; leave one out");
    }
    if (layersPattern != null && layersToTransform == null) {
      throw new InputException(
          "--layers-pattern is given without --layers-to-transform; add it, or leave it out");
    }
  }

  /// The ranks by key, in order.
  public Map<String, Integer> ranks() {
    return ranks(rankPattern);
  }

  /// The alphas by key, in order.
  public Map<String, Double> alphas() {
    return alphas(alphaPattern);
  }

  /// The numbers of the layers that are adapted; empty: all.
  public List<Integer> layers() {
    return layers(layersToTransform);
  }

  private static Map<String, Integer> ranks(List<String> given) {
    return pattern(
        "--rank-pattern",
        given,
        (entry, number) -> {
          if (!number.matches("\\d{1,9}") || Integer.parseInt(number) < 1) {
            throw wrong("--rank-pattern", entry, "a whole number from 1 on behind the last =");
          }
          return Integer.valueOf(number);
        });
  }

  private static Map<String, Double> alphas(List<String> given) {
    return pattern(
        "--alpha-pattern",
        given,
        (entry, number) -> {
          Double alpha = SettingType.decimal(number);
          if (alpha == null || !(alpha > 0 && Double.isFinite(alpha))) {
            throw wrong("--alpha-pattern", entry, "a number above 0 behind the last =");
          }
          return alpha;
        });
  }

  private static <T> Map<String, T> pattern(
      String flag, List<String> given, BiFunction<String, String, T> read) {
    Map<String, T> pattern = new LinkedHashMap<>();
    for (String entry : given) {
      int at = entry.lastIndexOf('=');
      if (at < 1) {
        throw wrong(flag, entry, "a module's name or expression, = and a number");
      }
      String key = entry.substring(0, at);
      try {
        PythonRegex.key(key);
      } catch (InputException e) {
        throw new InputException(
            flag + " is " + SettingType.shown(entry) + ": " + e.getMessage(), e);
      }
      if (pattern.put(key, read.apply(entry, entry.substring(at + 1))) != null) {
        throw new InputException(flag + " gives '" + key + "' twice; leave one out");
      }
    }
    return Collections.unmodifiableMap(pattern);
  }

  private static List<Integer> layers(@Nullable String given) {
    List<Integer> layers = new ArrayList<>();
    for (String number : given == null ? new String[0] : given.split(",", -1)) {
      if (!number.strip().matches("\\d{1,9}")) {
        throw wrong("--layers-to-transform", given, "numbers of layers from 0 on, with commas");
      }
      layers.add(Integer.valueOf(number.strip()));
    }
    return List.copyOf(layers);
  }

  private static InputException wrong(String flag, @Nullable String given, String wanted) {
    return new InputException(
        flag + " is " + SettingType.shown(String.valueOf(given)) + "; it must be " + wanted);
  }
}
