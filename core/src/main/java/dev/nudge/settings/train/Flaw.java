package dev.nudge.settings.train;

import dev.nudge.settings.SettingType;

/// A possible fault of a row that can be used for training nevertheless.
public enum Flaw {
  /// The same tokens as an earlier row.
  DUPLICATES("the same as an earlier row"),
  /// Nearly the same words as a held-out row.
  NEAR_DUPLICATES("nearly the same as a held-out row"),
  /// An empty message.
  EMPTY_MESSAGES("with an empty message"),
  /// User and assistant do not take turns.
  TURNS("with turns out of order"),
  /// Text that looks like an API key or a password.
  SECRETS("with what looks like a key or a password"),
  /// Text that looks like an address, a telephone number, a bank account or a card.
  PERSONAL_DATA("with what looks like personal data");

  private final String words;

  Flaw(String words) {
    this.words = words;
  }

  /// The name in flags: `near-duplicates`.
  public String shown() {
    return SettingType.written(this);
  }

  /// A description that follows a number of rows: `with turns out of order`.
  public String words() {
    return words;
  }
}
