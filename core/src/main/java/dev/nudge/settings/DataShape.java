package dev.nudge.settings;

/// What a row looks like: which columns hold what is shown and what is trained.
public enum DataShape {
  /// `messages`, a list of `role` and `content`, with `tools` where there are any.
  MESSAGES("messages"),
  /// `conversations`, a list of `from` and `value`.
  SHAREGPT("conversations"),
  /// `instruction`, `output` and perhaps `input`, `history` and `system`.
  ALPACA("instruction and output"),
  /// `prompt` and `completion`, two texts or two lists of messages.
  PROMPT_COMPLETION("prompt and completion"),
  /// `text`.
  TEXT("text");

  private final String columns;

  DataShape(String columns) {
    this.columns = columns;
  }

  /// Its name as a user writes it: `prompt-completion`.
  public String shown() {
    return Kind.written(this);
  }

  /// The columns that such a row has, for messages.
  public String columns() {
    return columns;
  }
}
