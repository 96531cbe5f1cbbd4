package dev.nudge.settings;

/// What may be wrong with a row that can be trained on all the same.
public enum Flaw {
  /// The tokens of an earlier row.
  DUPLICATES("the same as an earlier row"),
  /// Nearly the words of a held-out row.
  NEAR_DUPLICATES("nearly the same as a held-out row"),
  /// A message that says nothing.
  EMPTY_MESSAGES("with an empty message"),
  /// User and assistant do not speak by turns.
  TURNS("with turns out of order"),
  /// A text that looks like a key or a password.
  SECRETS("with what looks like a key or a password"),
  /// A text that looks like an address, a telephone, a bank account or a card.
  PERSONAL_DATA("with what looks like personal data");

  private final String words;

  Flaw(String words) {
    this.words = words;
  }

  /// Its name as a user writes it: `near-duplicates`.
  public String shown() {
    return SettingType.written(this);
  }

  /// Rows with it, behind their number: `with turns out of order`.
  public String words() {
    return words;
  }
}
