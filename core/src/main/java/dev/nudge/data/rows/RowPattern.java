package dev.nudge.data.rows;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// A prompt or completion template over a row's columns: `Query: {text}\nIntent:`.
///
/// `{name}` inserts a column, `{{` and `}}` are braces, `\n`, `\t` and `\\` a line break, a tab and
/// a backslash. Everything else is literal.
public final class RowPattern {

  /// A piece of the pattern: a text, or the name of a column.
  private record Part(String text, boolean column) {}

  private final String source;
  private final List<Part> parts;

  private RowPattern(String source, List<Part> parts) {
    this.source = source;
    this.parts = parts;
  }

  /// Parses a pattern.
  ///
  /// @param knob the flag that gave the pattern, for messages
  /// @throws InputException if the pattern is malformed; the message names the character, from 1
  public static RowPattern parse(String knob, String pattern) {
    List<Part> parts = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      char next = i + 1 < pattern.length() ? pattern.charAt(i + 1) : 0;
      if (c == '\\') {
        text.append(
            switch (next) {
              case 'n' -> '\n';
              case 't' -> '\t';
              case '\\' -> '\\';
              default ->
                  throw broken(knob, pattern, i, "unknown escape; there are \\n, \\t and \\\\");
            });
        i++;
      } else if (c == next && (c == '{' || c == '}')) {
        text.append(c);
        i++;
      } else if (c == '}') {
        throw broken(knob, pattern, i, "} without {; a brace is written }}");
      } else if (c == '{') {
        int end = pattern.indexOf('}', i);
        if (end < 0) {
          throw broken(knob, pattern, i, "{ without }; a brace is written {{");
        }
        String name = pattern.substring(i + 1, end);
        if (name.isBlank() || name.indexOf('{') >= 0) {
          throw broken(knob, pattern, i, "{ needs the name of a column and }; a brace is {{");
        }
        parts.add(new Part(text.toString(), false));
        parts.add(new Part(name, true));
        text.setLength(0);
        i = end;
      } else {
        text.append(c);
      }
    }
    parts.add(new Part(text.toString(), false));
    return new RowPattern(pattern, List.copyOf(parts));
  }

  /// The pattern that is one column and nothing else.
  static RowPattern column(String name) {
    return new RowPattern("{" + name + "}", List.of(new Part(name, true)));
  }

  private static InputException broken(String knob, String pattern, int at, String reason) {
    String shown = pattern.replace("\n", "\\n").replace("\r", "\\r");
    return new InputException(
        knob + " '" + shown + "' is broken at character " + (at + 1) + ": " + reason);
  }

  String render(Row row) throws BadRowException {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      text.append(part.column() ? row.text(part.text()) : part.text());
    }
    return text.toString();
  }

  /// Fills the pattern with the columns of a JSON object.
  ///
  /// @throws InputException if a column is missing, or is no text, number or boolean
  public String fill(String json) {
    try {
      return render(Row.parse(json));
    } catch (BadRowException e) {
      throw new InputException(e.reason());
    }
  }

  /// Fills the pattern with columns from anywhere.
  public String render(UnaryOperator<String> columns) {
    return parts.stream()
        .map(part -> part.column() ? columns.apply(part.text()) : part.text())
        .collect(Collectors.joining());
  }

  /// Whether a text could be the result of this pattern for some row.
  public boolean fits(String text) {
    String form =
        parts.stream()
            .map(part -> part.column() ? ".*" : Pattern.quote(part.text()))
            .collect(Collectors.joining());
    return Pattern.compile(form, Pattern.DOTALL).matcher(text).matches();
  }

  /// Returns the columns that the pattern uses, in order.
  public List<String> columns() {
    return parts.stream().filter(Part::column).map(Part::text).distinct().toList();
  }

  /// Returns the pattern as it was given.
  @Override
  public String toString() {
    return source;
  }
}
