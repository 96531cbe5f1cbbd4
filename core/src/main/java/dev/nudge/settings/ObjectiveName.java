package dev.nudge.settings;

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
  REWARD;

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

  /// Whether it needs log-probabilities of a reference model.
  public boolean hasReference() {
    return this == DPO || this == KTO;
  }

  /// Sequences of a row.
  public int sequences() {
    return pairs() ? 2 : 1;
  }

  /// The shape of its rows, for messages.
  public String rows() {
    return switch (this) {
      case SFT -> "prompt and completion, messages or text";
      case KTO -> "prompt, completion and label";
      case DPO, ORPO, REWARD -> "prompt, chosen and rejected";
    };
  }
}
