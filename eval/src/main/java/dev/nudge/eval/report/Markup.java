package dev.nudge.eval.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
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

  /// Closes the innermost element; the name is only for readers of the code.
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

  /// Opens a table that scrolls.
  ///
  /// @param texts number of leading columns that hold texts
  void table(String caption, List<String> columns, int texts) {
    open("div", "class", "wide", "tabindex", "0", "role", "region", "aria-label", caption);
    open("table").element("caption", caption).open("thead").open("tr");
    for (int i = 0; i < columns.size(); i++) {
      element("th", columns.get(i), "scope", "col", "class", i < texts ? "t" : "n");
    }
    close("tr").close("thead").open("tbody");
  }

  void endTable() {
    close("tbody").close("table").close("div");
  }

  /// Opens a row with its name.
  Markup row(String name) {
    open("tr").open("th", "scope", "row", "class", "name").element("bdi", name);
    return close("th");
  }

  /// Writes a cell of numbers.
  void number(String text) {
    element("td", text, "class", "n");
  }

  /// Opens a drawing with a text alternative.
  void svg(int width, int height, String label) {
    String box = "0 0 %s %s".formatted(width, height);
    String aria = "aria-label";
    open("svg", "viewBox", box, "width", width, "height", height, "role", "img", aria, label);
    element("title", label);
  }

  /// Writes a label of a drawing.
  ///
  /// @param anchor which end of the text is at `x`: start, middle or end
  void label(String text, Object x, Object y, String anchor) {
    element("text", text, "class", "soft", "x", x, "y", y, "text-anchor", anchor);
  }

  /// Draws a line with a class of the style sheet.
  void line(String cssClass, Object x1, Object y1, Object x2, Object y2) {
    element("line", "", "class", cssClass, "x1", x1, "y1", y1, "x2", x2, "y2", y2);
  }

  /// Writes nudge's own style sheet unescaped; it has no markup characters.
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

  /// Returns the whole document, after every element is closed.
  String all() {
    if (!open.isEmpty()) {
      throw new IllegalStateException(open + " are open");
    }
    return out.toString();
  }
}
