package dev.nudge.settings.train;

import dev.nudge.settings.SettingType;
import dev.nudge.settings.verb.DataShape;

/// What a run minimises; names are those of TRL's trainers.
public enum ObjectiveName {
  /// Supervised fine-tuning: cross-entropy of the trained tokens.
  SFT,
  /// Direct preference optimisation: chosen answers against rejected ones, beside a reference.
  DPO,
  /// Kahneman-Tversky optimisation: single answers, each labelled good or bad.
  KTO,
  /// Odds-ratio preference optimisation: pairs without a reference.
  ORPO,
  /// A reward model: a score head that gives the chosen answer the higher number.
  REWARD,
  /// Group relative policy optimisation: completions of a prompt against each other, by rewards.
  GRPO;

  /// Its name as a user writes it: `dpo`.
  public String shown() {
    return SettingType.written(this);
  }

  /// Whether a row is a pair of a chosen and a rejected answer.
  public boolean pairs() {
    return this == DPO || this == ORPO || this == REWARD;
  }

  /// Whether rows are preferences, not texts to imitate.
  public boolean compares() {
    return this != SFT;
  }

  /// Whether it reads rows of this shape.
  public boolean takes(DataShape shape) {
    return switch (shape) {
      case PREFERENCE -> pairs();
      case UNPAIRED_PREFERENCE -> this == KTO;
      case GROUP, PROMPT_ONLY -> this == GRPO;
      case MESSAGES, SHAREGPT, ALPACA, PROMPT_COMPLETION, TEXT -> this == SFT;
    };
  }

  /// The shape of its rows, for messages.
  public String rows() {
    return switch (this) {
      case SFT -> "prompt and completion, messages or text";
      case KTO -> "prompt, completion and label";
      case DPO, ORPO, REWARD -> "prompt, chosen and rejected";
      case GRPO -> "prompt, or prompt, completions and rewards";
    };
  }
}
