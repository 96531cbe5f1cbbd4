package dev.nudge.settings.train;

/// How the adapters of experts are saved.
public enum ExpertAdapters {
  /// All experts of a layer in one tensor, as PEFT has them since 0.18.
  STACKED,
  /// Each expert by itself, as PEFT had them before, and as vLLM reads them.
  PER_EXPERT
}
