package dev.nudge.text.jinja;

/// Says for whom templates are written: what jinja2's environment is set to there.
public enum Dialect {
  /// Chat templates, as transformers sets jinja2 up: the line break behind a block and what is
  /// blank before it go, and so does the last line break; what is undefined prints as nothing.
  CHAT,
  /// Templates of lm-evaluation-harness's task files: white space stays as it is written, what is
  /// undefined fails where it is used at all, lists and dicts may be changed, `tojson` is jinja2's
  /// own (sorted, in ASCII and safe in HTML), and there is a filter `regex_replace`.
  TASK;

  /// Whether blocks take white space around them away.
  boolean trims() {
    return this == CHAT;
  }

  /// Whether what is undefined fails.
  boolean strict() {
    return this == TASK;
  }

  /// Whether a template may change a list or a dict.
  boolean changes() {
    return this == TASK;
  }
}
