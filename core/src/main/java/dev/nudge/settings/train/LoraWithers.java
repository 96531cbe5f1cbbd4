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

  /// The dropout of the adapter's inputs in training.
  default S withDropout(double share) {
    return with("dropout", share);
  }

  /// The adapted layers: `all-linear`, `q_proj,v_proj` or `/regex/`.
  default S withTargets(String targets) {
    return with("targets", targets);
  }
}
