package dev.nudge.settings.train;

/// How the adapters of experts are saved.
public enum ExpertAdapters {
  /// All experts of a layer in one tensor, as in PEFT since 0.18.
  STACKED,
  /// One tensor per expert, as in older PEFT and in vLLM.
  PER_EXPERT
}
