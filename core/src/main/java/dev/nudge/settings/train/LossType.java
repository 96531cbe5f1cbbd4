package dev.nudge.settings.train;

import java.util.Locale;

/// The loss of a pair in direct preference optimisation, or of a group's tokens in group relative
/// policy optimisation, named as in TRL.
public enum LossType {
  SIGMOID,
  HINGE,
  IPO,
  ROBUST,
  EXO_PAIR,
  NCA_PAIR,
  SPPO_HARD,
  AOT,
  APO_ZERO,
  APO_DOWN,
  /// Of groups: the mean over all tokens of a step; the same as [#BNPO], whose micro-batch is here
  /// the step.
  DAPO,
  /// Of groups: the mean over completions of the mean over their tokens.
  GRPO,
  /// Of groups: the sum over tokens, divided by completions times the most tokens of one.
  DR_GRPO,
  BNPO;

  /// Whether it is a loss of groups, not of pairs.
  public boolean ofGroups() {
    return this == DAPO || this == GRPO || this == DR_GRPO || this == BNPO;
  }

  /// Whether label smoothing changes it.
  public boolean smooths() {
    return this == ROBUST || this == EXO_PAIR || this == AOT;
  }

  /// Its name as a user writes it: `exo_pair`.
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
