package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.Given;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.settings.verb.RegistryWithers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The trained parameters: a LoRA adapter and its shape, or all weights.
///
/// Alpha does not depend on the rank, so the best learning rate hardly does either.
///
/// @param method LoRA adapter or full fine-tuning
/// @param alpha the update is scaled by alpha / rank, with rsLoRA by alpha / √rank
/// @param targets `all-linear`, a list such as `q_proj,v_proj`, or `/regex/` in Python's syntax
///     over the whole module path
/// @param modulesToSave names; each matches every module whose path ends in it
/// @param addTokens file of tokens to add to the tokenizer; null: none
/// @param freeze with full: modules that are not trained, each entry as in `targets`
/// @param initAdapter adapter to continue from, which then sets rank, alpha, targets and modules to
///     save; null: a new one
/// @param registry registry that resolves references; null: the user's own
/// @param init initialisation of a new adapter
/// @param variant variants of the adapter, and modules that differ
/// @param experts for models with experts
public record LoraSettings(
    @Setting(
            help =
                "what is trained: a LoRA adapter, an (IA)³ adapter (a vector that scales each of"
                    + " k_proj, v_proj and down_proj, or --targets), or all weights of the model",
            byDefault = "lora")
        Method method,
    @Setting(
            help =
                "with full: a module that is not trained, by name, dotted path or /regex/ over the"
                    + " whole path; may be given several times",
            label = "embed_tokens|/regex/")
        List<String> freeze,
    @Setting(
            help =
                "continue from an adapter: a PEFT folder, a run's folder, or NAME@ALIAS,"
                    + " NAME:VERSION, NAME@sha256:… of a registry or org/name of the hub where no"
                    + " such path exists",
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        @Nullable Path initAdapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Setting(
            help =
                "how a new adapter begins: adding nothing (A uniform, or normal: gaussian), with"
                    + " what quantising lost (loftq), with the largest part of each weight (pissa,"
                    + " olora; the base gives it up), or with what the inputs of each layer vary in"
                    + " (eva)",
            byDefault = "default",
            label = "default|gaussian|loftq|pissa|pissa-niter-N|olora|eva")
        AdapterInit init,
    @Setting(help = "rank of the adapter", byDefault = "16") int rank,
    @Setting(help = "scale of the adapter; it stays when the rank changes", byDefault = "32")
        double alpha,
    @Setting(help = "share of the adapter's inputs dropped in training", byDefault = "0")
        double dropout,
    @Setting(
            help =
                "layers: all-linear (without embedding and head), or a list or /regex/ over the"
                    + " whole path, which may name these two",
            byDefault = "all-linear",
            label = "all-linear|q_proj,v_proj|/regex/")
        String targets,
    @Setting(
            help =
                "modules that are trained and saved whole beside the adapter: the embedding, the"
                    + " head, a norm or another linear layer; a list, may be given several times",
            label = "norm|embed_tokens,lm_head")
        List<String> modulesToSave,
    @Setting(
            help =
                "new tokens, one a line; the vocabulary grows where it has no room, and their rows"
                    + " are trained",
            label = "FILE")
        @Nullable Path addTokens,
    @Setting(help = "scale by alpha / sqrt(rank) instead of alpha / rank") boolean rsLora,
    @Group("Method") VariantSettings variant,
    @Group("Method") ExpertSettings experts) {

  /// The alpha that gives plain LoRA the same scale: with rsLoRA √r times as large.
  public double plainAlpha() {
    return plainAlpha(alpha, rank, rsLora);
  }

  /// Like [#plainAlpha()].
  public static double plainAlpha(double alpha, int rank, boolean rsLora) {
    return rsLora ? alpha * Math.sqrt(rank) : alpha;
  }

  public LoraSettings {
    freeze = List.copyOf(freeze);
    freeze.forEach(pattern -> checkPattern("--freeze", pattern));
    if (method != Method.FULL && !freeze.isEmpty()) {
      throw new InputException(
          "--freeze is given without --method full; an adapter freezes all weights, so leave it"
              + " out");
    }
    if (initAdapter != null && !init.equals(AdapterInit.DEFAULT)) {
      throw new InputException(
          "--init "
              + init
              + " is given with --init-adapter, which says how the adapter begins; leave one out");
    }
    Check.atLeast("--rank", rank, 1);
    Check.positive("--alpha", alpha);
    Check.share("--dropout", dropout);
    modulesToSave = names(modulesToSave);
    if (initAdapter != null && (!modulesToSave.isEmpty() || addTokens != null)) {
      throw new InputException(
          (addTokens != null ? "--add-tokens" : "--modules-to-save")
              + " is given with --init-adapter, which says what is trained beside A and B; leave"
              + " one out");
    }
    checkPattern("--targets", targets);
    if (variant.excludeModules() != null) {
      checkPattern("--exclude-modules", variant.excludeModules());
    }
    if (dropout > 0 && variant.dora()) {
      throw new InputException(
          "--dropout "
              + Check.number(dropout)
              + " is given with --dora, which trains without dropout; leave one out");
    }
    if (init.kind() == AdapterInit.Kind.EVA
        && !(variant.rankPattern().isEmpty() && variant.alphaPattern().isEmpty())) {
      throw new InputException(
          "--init eva finds the rank of each layer itself; leave out "
              + (variant.rankPattern().isEmpty() ? "--alpha-pattern" : "--rank-pattern"));
    }
    if (variant.loraBias() && !init.equals(AdapterInit.DEFAULT)) {
      throw new InputException(
          "--init "
              + init
              + " is given with --lora-bias, which PEFT has with the default alone; leave one out");
    }
  }

  /// The flags that shape an adapter, by key.
  private static final List<String> OF_LORA =
      List.of(
          "init_adapter",
          "init",
          "rank",
          "alpha",
          "dropout",
          "targets",
          "modules_to_save",
          "add_tokens",
          "rs_lora",
          "dora",
          "lora_bias",
          "lora_plus",
          "rank_pattern",
          "alpha_pattern",
          "exclude_modules",
          "layers_to_transform",
          "layers_pattern");

  /// The flags that (IA)³ shares.
  private static final Set<String> OF_IA3 = Set.of("init_adapter", "targets", "exclude_modules");

  /// Refuses given settings that the method does not use.
  void check(ModelSettings model, Given given) {
    if (method == Method.FULL) {
      checkUnquantised(model);
    }
    for (String key : method == Method.LORA ? List.<String>of() : OF_LORA) {
      if (given.contains(key) && !(method == Method.IA3 && OF_IA3.contains(key))) {
        throw new InputException(
            "--%s is given with --method %s, which trains %s; leave one out"
                .formatted(
                    key.replace('_', '-'),
                    method.toString().toLowerCase(Locale.ROOT),
                    method == Method.IA3 ? "a vector for each layer alone" : "no adapter"));
      }
    }
  }

  private static void checkUnquantised(ModelSettings model) {
    if (model.quantize() != null && model.quantize() != Quantize.NONE) {
      throw new InputException(
          "--quantize "
              + model.quantize().shown()
              + " is given with --method full; weights in four bits cannot be trained, so leave one"
              + " out");
    }
    if (model.doubleQuant() != null) {
      throw new InputException(
          "--double-quant is given with --method full; weights in four bits cannot be trained, so"
              + " leave one out");
    }
  }

  private static List<String> names(List<String> given) {
    List<String> names = new ArrayList<>();
    for (String list : given) {
      checkPattern("--modules-to-save", list);
      for (String name : list.split(",", -1)) {
        names.add(name.strip());
      }
    }
    return List.copyOf(new LinkedHashSet<>(names));
  }

  private static void checkPattern(String flag, String targets) {
    Check.notBlank(flag, targets);
    if (targets.length() > 1 && targets.startsWith("/") && targets.endsWith("/")) {
      try {
        PythonRegex.compile(targets.substring(1, targets.length() - 1));
      } catch (InputException e) {
        throw new InputException(
            flag + " is " + SettingType.shown(targets) + ": " + e.getMessage(), e);
      }
    } else {
      for (String entry : targets.split(",", -1)) {
        if (entry.isBlank()) {
          throw new InputException(
              flag + " is " + SettingType.shown(targets) + "; it must not have an empty entry");
        }
      }
    }
  }
}
