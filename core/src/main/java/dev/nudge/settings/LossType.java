package dev.nudge.settings;

import java.util.Locale;

/// The loss of a pair in direct preference optimisation, named as in TRL.
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
  APO_DOWN;

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
