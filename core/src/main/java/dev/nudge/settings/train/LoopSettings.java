package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The length of a run, its batch size, and the order and mixture of its rows.
///
/// @param steps optimiser steps, with epochs repeated as needed; exactly one of steps and epochs is
///     set
/// @param epochs passes over the data, a fraction allowed
/// @param batchSize sequences per optimiser step
/// @param seed seed of everything random: initial adapter, order, dropout, held-out rows
/// @param mixture `SOURCE=AMOUNT`; empty: an epoch takes each row once
public record LoopSettings(
    @Setting(help = "optimiser steps, instead of --epochs (default: as many as --epochs takes)")
        @Nullable Integer steps,
    @Setting(
            help = "passes over the data; a fraction is allowed",
            byDefault = "1",
            unless = "steps")
        @Nullable Double epochs,
    @Setting(help = "sequences of one optimiser step", byDefault = "16") int batchSize,
    @Setting(help = "seed of everything random", byDefault = "0") long seed,
    @Setting(
            help = "new order of the rows in each epoch; without: file order",
            byDefault = "true",
            negatable = true)
        boolean shuffle,
    @Setting(
            help =
                "how much of a source of --data an epoch takes: FILE=30% (of the epoch), FILE=2x"
                    + " (all its rows twice), FILE=500 (rows); may be given several times",
            label = "FILE=AMOUNT")
        List<String> mixture) {

  public LoopSettings {
    mixture = List.copyOf(mixture);
    Mixture.parse(mixture);
    checkLength(steps, epochs);
    if (steps == null && epochs == null) {
      throw new InputException("--steps and --epochs are both missing; give one");
    }
    Check.atLeast("--batch-size", batchSize, 1);
    Check.atLeast("--seed", seed, 0);
  }

  /// Checks the length of a run.
  static void checkLength(@Nullable Integer steps, @Nullable Double epochs) {
    Check.atLeast("--steps", steps, 1);
    Check.positive("--epochs", epochs);
    if (steps != null && epochs != null) {
      throw new InputException(
          "--steps and --epochs are both given; a run has either, so leave one out");
    }
  }

  /// The mixture: how much of each source an epoch takes; empty: each row once.
  public Mixture mixed() {
    return Mixture.parse(mixture);
  }
}
