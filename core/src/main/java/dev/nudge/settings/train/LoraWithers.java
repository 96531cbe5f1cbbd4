package dev.nudge.settings.train;

import dev.nudge.settings.verb.RegistryWithers;
import java.nio.file.Path;
import java.util.List;

/// Withers for the training method and the adapter.
///
/// @param <S> the record that holds them
public interface LoraWithers<S extends Record> extends RegistryWithers<S> {
  /// The training method: a LoRA adapter, or all weights.
  default S withMethod(Method method) {
    return with("method", method);
  }

  /// With full: modules that stay frozen, by name, dotted path or `/regex/`.
  default S withFreeze(String... modules) {
    return with("freeze", List.of(modules));
  }

  /// The adapter to continue from.
  default S withInitAdapter(Path folder) {
    return with("init_adapter", folder);
  }

  /// The initialisation of a new adapter.
  default S withInit(AdapterInit init) {
    return with("init", init);
  }

  /// The rank of the adapter.
  default S withRank(int rank) {
    return with("rank", rank);
  }

  /// Alpha, the scale of the adapter; it stays when the rank changes.
  default S withAlpha(double alpha) {
    return with("alpha", alpha);
  }

  /// The weight of the load-balancing loss of models with experts.
  default S withRouterAuxLossCoef(double weight) {
    return with("router_aux_loss_coef", weight);
  }

  /// How the adapters of experts are saved.
  default S withExpertAdapters(ExpertAdapters form) {
    return with("expert_adapters", form);
  }

  /// The dropout of the adapter's inputs in training.
  default S withDropout(double share) {
    return with("dropout", share);
  }

  /// The adapted layers: `all-linear`, `q_proj,v_proj` or `/regex/`.
  default S withTargets(String targets) {
    return with("targets", targets);
  }

  /// Modules that are trained and saved whole beside the adapter.
  default S withModulesToSave(String... modules) {
    return with("modules_to_save", List.of(modules));
  }

  /// A file of new tokens, one per line, whose embedding rows are trained.
  default S withAddTokens(Path file) {
    return with("add_tokens", file);
  }

  /// Whether the norms of the weights' rows are trained beside their directions (DoRA).
  default S withDora(boolean dora) {
    return with("dora", dora);
  }

  /// Whether the update of each layer has a trained bias.
  default S withLoraBias(boolean bias) {
    return with("lora_bias", bias);
  }

  /// Ranks of modules that differ, each `KEY=R`.
  default S withRankPattern(String... ranks) {
    return with("rank_pattern", List.of(ranks));
  }

  /// Alphas of modules that differ, each `KEY=ALPHA`.
  default S withAlphaPattern(String... alphas) {
    return with("alpha_pattern", List.of(alphas));
  }

  /// Layers that are left out of the targets: `down_proj` or `/regex/`.
  default S withExcludeModules(String modules) {
    return with("exclude_modules", modules);
  }

  /// Numbers of the decoder layers that are adapted, such as `0,1`.
  default S withLayersToTransform(String layers) {
    return with("layers_to_transform", layers);
  }

  /// The name of the list of layers, with [#withLayersToTransform].
  default S withLayersPattern(String name) {
    return with("layers_pattern", name);
  }

  /// Whether to use rsLoRA: the scale is alpha / √rank instead of alpha / rank.
  default S withRsLora(boolean root) {
    return with("rs_lora", root);
  }
}
