package dev.nudge.adapter;

import dev.nudge.nn.Linear;

/// A layer with A and B, and what a [dev.nudge.adapter.targets.Lora.Variant] does behind them.
public sealed interface LowRankLinear extends AdaptedLinear permits LoraLinear, DoraLinear {
  /// A and B.
  LoraLinear lora();

  @Override
  LowRankLinear around(Linear other);
}
