package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import java.util.List;

/// Withers for the length and order of a run.
///
/// @param <S> the record that holds them
public interface LoopWithers<S extends Record> extends Withers<S> {
  /// Optimiser steps; instead of epochs.
  default S withSteps(int steps) {
    return with("steps", steps);
  }

  /// Passes over the data; instead of steps.
  default S withEpochs(double passes) {
    return with("epochs", passes);
  }

  /// The sequences per optimiser step.
  default S withBatchSize(int sequences) {
    return with("batch_size", sequences);
  }

  /// The seed of everything random.
  default S withSeed(long seed) {
    return with("seed", seed);
  }

  /// Whether each epoch has a new order of rows.
  default S withShuffle(boolean shuffle) {
    return with("shuffle", shuffle);
  }

  /// How much of each source an epoch takes: `chat.jsonl=30%`.
  default S withMixture(String... parts) {
    return with("mixture", List.of(parts));
  }
}
