package dev.nudge.python;

/// Checks whether Python's `json.loads` accepts a text: any value, not only objects; `NaN`,
/// `Infinity` and `-Infinity` are numbers, keys may repeat, and strings have no control characters.
/// Deeper nesting than [#DEEPEST], where Python fails, is not accepted.
public final class JsonCheck {
  private static final int DEEPEST = 900;

  private final String text;
  private int at;

  private JsonCheck(String text) {
    this.text = text;
  }

  /// Returns whether the whole text is one JSON value.
  public static boolean is(String text) {
    JsonCheck json = new JsonCheck(text);
    if (!json.value(0)) {
      return false;
    }
    json.blanks();
    return json.at == text.length();
  }

  private boolean value(int depth) {
    blanks();
    return switch (peek()) {
      case '{' -> depth < DEEPEST && items('}', depth, true);
      case '[' -> depth < DEEPEST && items(']', depth, false);
      case '"' -> string();
      case 't' -> word("true");
      case 'f' -> word("false");
      case 'n' -> word("null");
      case 'N' -> word("NaN");
      case 'I' -> word("Infinity");
      default -> word("-Infinity") || number();
    };
  }

  private boolean items(char end, int depth, boolean keys) {
    at++;
    blanks();
    if (take(end)) {
      return true;
    }
    do {
      blanks();
      if (keys && !(peek() == '"' && string() && colon())) {
        return false;
      }
      if (!value(depth + 1)) {
        return false;
      }
      blanks();
    } while (take(','));
    return take(end);
  }

  private boolean colon() {
    blanks();
    return take(':');
  }

  private boolean string() {
    at++;
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') {
        return true;
      }
      if (c < ' ' || (c == '\\' && !escape())) {
        return false;
      }
    }
    return false;
  }

  private boolean escape() {
    char c = peek();
    at++;
    if (c != 'u') {
      return "\"\\/bfnrt".indexOf(c) >= 0;
    }
    int end = at + 4;
    while (at < end) {
      if ("0123456789abcdefABCDEF".indexOf(peek()) < 0) {
        return false;
      }
      at++;
    }
    return true;
  }

  private boolean number() {
    take('-');
    if (!take('0') && !digits()) {
      return false;
    }
    int whole = at;
    if (take('.') && !digits()) {
      at = whole; // a point without digits ends the number
      return true;
    }
    int fraction = at;
    if (take('e') || take('E')) {
      if (!take('+')) {
        take('-');
      }
      if (!digits()) {
        at = fraction;
      }
    }
    return true;
  }

  private boolean digits() {
    int start = at;
    while (peek() >= '0' && peek() <= '9') {
      at++;
    }
    return at > start;
  }

  private boolean word(String word) {
    boolean found = text.startsWith(word, at);
    at += found ? word.length() : 0;
    return found;
  }

  private boolean take(char c) {
    boolean found = at < text.length() && text.charAt(at) == c;
    at += found ? 1 : 0;
    return found;
  }

  private char peek() {
    return at < text.length() ? text.charAt(at) : 0;
  }

  private void blanks() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }
}
