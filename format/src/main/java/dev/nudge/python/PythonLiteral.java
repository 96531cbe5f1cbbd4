package dev.nudge.python;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.BooleanNode;
import tools.jackson.databind.node.DoubleNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/// Parses a text as Python's `ast.literal_eval` does: strings, numbers, `True`, `False`, `None`,
/// lists, tuples and dicts. A tuple becomes a list.
public final class PythonLiteral {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final int MOST_DEPTH = 100;
  private static final int MOST_DIGITS = 4300; // Python's limit

  private final String text;
  private int at;
  private int depth;
  private int brackets;

  private PythonLiteral(String text) {
    this.text = text;
  }

  /// Parses a text; null if it is not a literal.
  public static @Nullable JsonNode read(String text) {
    try {
      PythonLiteral literal = new PythonLiteral(text);
      literal.skipIndent();
      JsonNode value = literal.valueOrTuple();
      literal.space();
      return literal.at == text.length() ? value : null;
    } catch (ValueError e) {
      return null;
    }
  }

  private void skipIndent() {
    while (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\t')) {
      at++;
    }
  }

  private void space() {
    while (at < text.length()) {
      char c = text.charAt(at);
      boolean line = c == '\n' || c == '\r';
      if (c == ' ' || c == '\t' || c == '\f' || line && (brackets > 0 || blankFrom(at))) {
        at++;
      } else {
        return;
      }
    }
  }

  private boolean blankFrom(int from) {
    return text.substring(from).isBlank();
  }

  private char peek() {
    space();
    return at < text.length() ? text.charAt(at) : 0;
  }

  private boolean take(char c) {
    boolean found = peek() == c;
    at += found ? 1 : 0;
    return found;
  }

  /// Parses a value, or a tuple without parentheses.
  private JsonNode valueOrTuple() {
    JsonNode first = value();
    if (peek() != ',') {
      return first;
    }
    ArrayNode all = NODES.arrayNode().add(first);
    while (take(',') && peek() != 0 && peek() != ')') {
      all.add(value());
    }
    return all;
  }

  private JsonNode value() {
    if (++depth > MOST_DEPTH) {
      throw new ValueError("no literal");
    }
    char c = peek();
    JsonNode value =
        switch (c) {
          case '[' -> list();
          case '(' -> tuple();
          case '{' -> dict();
          case '-', '+' -> signed();
          default -> Character.isDigit(c) || c == '.' ? number() : textOrName();
        };
    depth--;
    return value;
  }

  private JsonNode list() {
    at++;
    brackets++;
    ArrayNode all = NODES.arrayNode();
    while (!take(']')) {
      if (!all.isEmpty()) {
        need(',');
        if (take(']')) {
          break;
        }
      }
      all.add(value());
    }
    brackets--;
    return all;
  }

  private JsonNode tuple() {
    at++;
    brackets++;
    JsonNode value = take(')') ? NODES.arrayNode() : null;
    if (value == null) {
      value = valueOrTuple();
      need(')');
    }
    brackets--;
    return value;
  }

  private JsonNode dict() {
    at++;
    brackets++;
    ObjectNode all = NODES.objectNode();
    while (!take('}')) {
      if (!all.isEmpty()) {
        need(',');
        if (take('}')) {
          break;
        }
      }
      JsonNode key = value();
      need(':');
      all.set(key.isString() ? key.stringValue() : key.toString(), value());
    }
    brackets--;
    return all;
  }

  private void need(char c) {
    if (!take(c)) {
      throw new ValueError("no literal");
    }
  }

  private JsonNode signed() {
    boolean negative = text.charAt(at++) == '-';
    peek();
    JsonNode number = number();
    if (!negative) {
      return number;
    }
    return number.isIntegralNumber()
        ? NODES.numberNode(number.bigIntegerValue().negate())
        : DoubleNode.valueOf(-number.doubleValue());
  }

  private JsonNode number() {
    int from = at;
    while (at < text.length() && isOfNumber(from)) {
      at++;
    }
    String digits = text.substring(from, at);
    if (digits.isEmpty()
        || digits.startsWith("_")
        || digits.endsWith("_")
        || digits.contains("__")) {
      throw new ValueError("no literal");
    }
    String plain = digits.replace("_", "").toLowerCase(java.util.Locale.ROOT);
    try {
      if (plain.matches("0[xob].*|[1-9]\\d*|0+")) { // Python 3 refuses 017
        return whole(integer(plain));
      }
      if (plain.matches("\\d+") || !plain.matches("(\\d+\\.?\\d*|\\.\\d+)(e[-+]?\\d+)?")) {
        throw new ValueError("no literal");
      }
      return DoubleNode.valueOf(Double.parseDouble(plain));
    } catch (NumberFormatException e) {
      throw new ValueError("no literal");
    }
  }

  /// Parses an integer literal without underscores: decimal, or with a prefix 0b, 0o, 0x.
  ///
  /// @throws NumberFormatException if it is not an integer
  public static BigInteger integer(String digits) {
    if (digits.length() > MOST_DIGITS) {
      throw new ValueError("an integer of more than " + MOST_DIGITS + " digits");
    }
    int base =
        switch (digits.length() > 2 ? digits.charAt(1) : 0) {
          case 'b', 'B' -> 2;
          case 'o', 'O' -> 8;
          case 'x', 'X' -> 16;
          default -> 10;
        };
    return new BigInteger(base == 10 ? digits : digits.substring(2), base);
  }

  private static JsonNode whole(BigInteger value) {
    return value.bitLength() < Integer.SIZE
        ? NODES.numberNode(value.intValue())
        : value.bitLength() < Long.SIZE
            ? NODES.numberNode(value.longValue())
            : NODES.numberNode(value);
  }

  private boolean isOfNumber(int from) {
    char c = text.charAt(at);
    if (Character.isLetterOrDigit(c) && c < 128 || c == '_' || c == '.') {
      return true;
    }
    boolean exponent = at > from && "eE".indexOf(text.charAt(at - 1)) >= 0;
    return (c == '-' || c == '+') && exponent && !text.startsWith("0x", from);
  }

  private JsonNode textOrName() {
    int from = at;
    while (at < text.length() && Character.isLetter(text.charAt(at))) {
      at++;
    }
    String name = text.substring(from, at);
    char next = at < text.length() ? text.charAt(at) : 0;
    if (next == '\'' || next == '"') {
      at = from;
      return texts();
    }
    return switch (name) {
      case "True" -> BooleanNode.TRUE;
      case "False" -> BooleanNode.FALSE;
      case "None" -> NullNode.instance;
      default -> throw new ValueError("no literal");
    };
  }

  /// Concatenates adjacent string literals.
  private JsonNode texts() {
    StringBuilder all = new StringBuilder();
    do {
      all.append(stringLiteral());
      int after = at;
      char c = peek();
      boolean more = c == '\'' || c == '"' || prefixed();
      if (!more) {
        at = after;
        break;
      }
    } while (true);
    return NODES.stringNode(all.toString());
  }

  private boolean prefixed() {
    return at + 1 < text.length()
        && "uUrR".indexOf(text.charAt(at)) >= 0
        && "'\"".indexOf(text.charAt(at + 1)) >= 0;
  }

  private String stringLiteral() {
    boolean raw = false;
    char c = text.charAt(at);
    if (c != '\'' && c != '"') {
      if (!prefixed()) {
        throw new ValueError("no literal"); // a bytes literal or an f-string
      }
      raw = c == 'r' || c == 'R';
      at++;
    }
    char quote = text.charAt(at);
    String three = String.valueOf(quote).repeat(3);
    boolean isLong = text.startsWith(three, at);
    String close = isLong ? three : String.valueOf(quote);
    at += close.length();
    int from = at;
    while (!text.startsWith(close, at)) {
      if (at >= text.length() || !isLong && "\n\r".indexOf(text.charAt(at)) >= 0) {
        throw new ValueError("no literal");
      }
      at += text.charAt(at) == '\\' ? 2 : 1;
    }
    String inner = text.substring(from, at);
    at += close.length();
    return raw ? inner : PythonEscapes.read(inner);
  }
}
