package dev.nudge.text.jinja;

/// How the jinja2 environment of a template's host is configured.
public enum Dialect {
  /// Chat templates in transformers: `trim_blocks` and `lstrip_blocks` are on, the last line break
  /// is dropped, and an undefined value prints as nothing.
  CHAT,
  /// Task files of lm-evaluation-harness: white space stays as written, any use of an undefined
  /// value fails, lists and dicts are mutable, `tojson` is jinja2's own (sorted, ASCII, HTML-safe),
  /// and there is a filter `regex_replace`.
  TASK;

  /// Whether blocks strip white space around them.
  boolean trims() {
    return this == CHAT;
  }

  /// Whether any use of an undefined value fails.
  boolean strict() {
    return this == TASK;
  }

  /// Whether a template can change lists and dicts.
  boolean changes() {
    return this == TASK;
  }
}
