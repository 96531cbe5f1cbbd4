package dev.nudge.text.jinja;

/// A token of a template.
///
/// @param text source text of the token; for a string its value, for data the output
record Token(Kind kind, String text, int line) {
  enum Kind {
    DATA,
    VARIABLE_BEGIN,
    VARIABLE_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    TEXT,
    INTEGER,
    FLOAT,
    SIGN,
    END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isSign(String sign) {
    return kind == Kind.SIGN && text.equals(sign);
  }

  /// Names the token in messages.
  String shown() {
    return switch (kind) {
      case DATA -> "text of the template";
      case VARIABLE_BEGIN -> "'{{'";
      case VARIABLE_END -> "'}}'";
      case BLOCK_BEGIN -> "'{%'";
      case BLOCK_END -> "'%}'";
      case END -> "the end of the template";
      case TEXT -> "a text";
      case NAME, INTEGER, FLOAT, SIGN -> "'" + text + "'";
    };
  }
}
