package dev.nudge.eval.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;

/// Writes well-formed XHTML: every element closed, every text and attribute escaped. Markup comes
/// only from [#open] and [#element], so no text becomes markup.
final class Markup {
  private static final Set<String> VOID = Set.of("meta", "br", "rect", "line", "circle", "path");
  private static final Set<String> INLINE =
      Set.of("span", "b", "code", "bdi", "a", "text", "title", "br");

  private final StringBuilder out = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /// Opens an element.
  ///
  /// @param attributes alternating names and values
  Markup open(String element, Object... attributes) {
    start(element, attributes);
    out.append('>');
    open.push(element);
    return this;
  }

  private void start(String element, Object... attributes) {
    out.append('<').append(element);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"");
      escape(String.valueOf(attributes[i + 1]));
      out.append('"');
    }
  }

  /// Closes the innermost element; the name is for the reader of the code.
  Markup close(String element) {
    String is = open.pop();
    if (!is.equals(element)) {
      throw new IllegalStateException(element + " is closed, and " + is + " is open");
    }
    out.append("</").append(element).append('>');
    if (!INLINE.contains(element)) {
      out.append('\n');
    }
    return this;
  }

  /// Writes an element with a text, or an empty one.
  Markup element(String element, String text, Object... attributes) {
    if (VOID.contains(element)) {
      start(element, attributes);
      out.append("/>\n");
      return this;
    }
    return open(element, attributes).text(text).close(element);
  }

  /// Writes a text.
  Markup text(String text) {
    escape(text);
    return this;
  }

  /// Writes a style sheet unescaped; it is ours and has no markup characters.
  Markup style(String css) {
    if (css.indexOf('<') >= 0 || css.indexOf('&') >= 0) {
      throw new IllegalArgumentException("a style sheet with < or &");
    }
    out.append("<style>\n").append(css).append("</style>\n");
    return this;
  }

  private void escape(String text) {
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.appendCodePoint(readable(c) ? c : 0xFFFD);
              }
            });
  }

  /// Whether XML and HTML allow a character. Bidirectional controls are allowed; the element
  /// isolates them.
  private static boolean readable(int c) {
    return c == '\n'
        || c == '\t'
        || c >= 0x20 && c < 0x7F
        || c >= 0xA0 && c < 0xD800
        || c >= 0xE000 && c < 0xFDD0
        || c > 0xFDEF && (c & 0xFFFE) != 0xFFFE;
  }

  /// The whole document, after every element is closed.
  String all() {
    if (!open.isEmpty()) {
      throw new IllegalStateException(open + " are open");
    }
    return out.toString();
  }
}
