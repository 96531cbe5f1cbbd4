package dev.nudge.text.jinja;

import dev.nudge.python.FormatSpec;
import dev.nudge.python.PythonLiteral;

/// Python's `str.format`: fills `{}`, `{0}`, `{name}`, `{a.b[c]}`, `!r` with values, and uses
/// what [FormatSpec] reads behind a colon.
final class Braces {
  private final Text text;
  private final Arguments arguments;
  private final TextBuilder out = new TextBuilder();
  private int next;

  private Braces(Text text, Arguments arguments) {
    this.text = text;
    this.arguments = arguments;
  }

  static Text format(Text text, Arguments arguments) {
    return new Braces(text, arguments).run();
  }

  private Text run() {
    String all = text.chars();
    int at = 0;
    while (at < all.length()) {
      char c = all.charAt(at);
      boolean twice = at + 1 < all.length() && all.charAt(at + 1) == c;
      if (c != '{' && c != '}') {
        int end = at;
        while (end < all.length() && all.charAt(end) != '{' && all.charAt(end) != '}') {
          end++;
        }
        out.add(text.sub(at, end));
        at = end;
      } else if (twice) {
        out.add(text.sub(at, at + 1));
        at += 2;
      } else {
        int end = all.indexOf('}', at);
        if (c == '}' || end < 0) {
          throw new Mistake("a '" + c + "' in the text of format() stands alone");
        }
        place(all.substring(at + 1, end));
        at = end + 1;
      }
    }
    return out.text();
  }

  private void place(String place) {
    if (place.indexOf('{') >= 0) {
      throw new Mistake("a format within a format is not known here");
    }
    int colon = place.indexOf(':');
    String spec = colon < 0 ? "" : place.substring(colon + 1);
    String field = colon < 0 ? place : place.substring(0, colon);
    int mark = field.indexOf('!');
    String conversion = mark < 0 ? "" : field.substring(mark + 1);
    Value value = value(mark < 0 ? field : field.substring(0, mark));
    Value shown =
        switch (conversion) {
          case "" -> value;
          case "s" -> Python.str(value);
          case "r" -> Python.repr(value);
          default -> throw new Mistake("the conversion '!" + conversion + "' is not known here");
        };
    out.add(spec.isEmpty() ? Python.str(shown) : Formats.of(FormatSpec.parse(spec), shown));
  }

  private Value value(String field) {
    int end = 0;
    while (end < field.length() && field.charAt(end) != '.' && field.charAt(end) != '[') {
      end++;
    }
    String name = field.substring(0, end);
    boolean digits = !name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9');
    Value value;
    if (name.isEmpty() || digits) {
      int index = name.isEmpty() ? next++ : FormatSpec.count(name, 0);
      if (index >= arguments.positional().size()) {
        throw new Mistake("format() is given too few values");
      }
      value = arguments.positional().get(index);
    } else {
      Value named = arguments.get(name);
      if (named == null) {
        throw new Mistake("format() is given no '" + name + "'");
      }
      value = named;
    }
    return path(value, field.substring(end));
  }

  private static Value path(Value value, String path) {
    Value at = value;
    String rest = path;
    while (!rest.isEmpty()) {
      boolean dot = rest.charAt(0) == '.';
      int end = 1;
      while (end < rest.length() && (dot ? ".[" : "]").indexOf(rest.charAt(end)) < 0) {
        end++;
      }
      String part = rest.substring(1, end);
      boolean digits = !part.isEmpty() && part.chars().allMatch(c -> c >= '0' && c <= '9');
      at =
          dot
              ? MemberAccess.attribute(at, part)
              : MemberAccess.item(at, digits ? Num.of(PythonLiteral.integer(part)) : Text.of(part));
      rest = rest.substring(Math.min(rest.length(), dot ? end : end + 1));
    }
    return at;
  }
}
