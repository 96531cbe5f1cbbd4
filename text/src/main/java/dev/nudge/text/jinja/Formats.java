package dev.nudge.text.jinja;

import dev.nudge.python.FormatSpec;
import dev.nudge.python.PythonLiteral;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's formatting of texts: `%`, `str.format`, and `format(value, spec)`. Padding has the
/// template's origin.
final class Formats {
  private static final Pattern PLACE =
      Pattern.compile("%(?:\\(([^)]*)\\))?([-+ 0#]*)(\\d*)(?:\\.(\\d*))?(.)", Pattern.DOTALL);

  private Formats() {}

  static Text of(FormatSpec spec, Value value) {
    char type = spec.type();
    if (value instanceof Num num && type != 's' && (type != 0 || !num.isBool())) {
      String shown = num.isWhole() ? spec.number(num.whole()) : spec.number(num.real());
      return padded(spec, Text.of(shown), '>');
    }
    if (type != 0 && type != 's') {
      throw new Mistake("the format '" + type + "' does not go with a " + value.type());
    }
    Text text = Python.str(value);
    boolean cut = spec.precision() >= 0 && spec.precision() < text.length();
    return padded(spec, cut ? text.sub(0, text.at(spec.precision())) : text, '<');
  }

  /// Python's `str.format`: fills `{}`, `{0}`, `{name}`, `{a.b[c]}`, `!r` with values, formatted by
  /// the [FormatSpec] after a colon.
  static Text braces(Text text, Arguments arguments) {
    return new Braces(text, arguments).run();
  }

  private static Text padded(FormatSpec spec, Text text, char usual) {
    int missing = spec.width() - text.length();
    if (missing <= 0) {
      return text;
    }
    char where = spec.align() == 0 ? usual : spec.align();
    String all = text.chars();
    boolean signed = where == '=' && !all.isEmpty() && "+- ".indexOf(all.charAt(0)) >= 0;
    int left = where == '<' ? 0 : where == '^' ? missing / 2 : missing;
    return new TextBuilder()
        .add(signed ? text.sub(0, 1) : Text.EMPTY)
        .add(String.valueOf(spec.fill()).repeat(left), Origin.TEMPLATE)
        .add(signed ? text.sub(1, all.length()) : text)
        .add(String.valueOf(spec.fill()).repeat(missing - left), Origin.TEMPLATE)
        .text();
  }

  /// Python's `text % values`.
  static Text percent(Text text, Value values) {
    List<Value> all =
        values instanceof Items items && items.kind() == Items.Kind.TUPLE
            ? new ArrayList<>(items.values())
            : new ArrayList<>(List.of(values));
    Matcher places = PLACE.matcher(text.chars());
    TextBuilder out = new TextBuilder();
    int at = 0;
    int used = 0;
    while (places.find()) {
      out.add(text.sub(at, places.start()));
      at = places.end();
      char type = places.group(5).charAt(0);
      if (type == '%') {
        out.add('%', text.originAt(places.start()));
        continue;
      }
      Value value;
      if (places.group(1) != null) {
        value = MemberAccess.item(values, Text.of(places.group(1)));
      } else if (used < all.size()) {
        value = all.get(used++);
      } else {
        throw new Mistake("the text has more places (%" + type + ") than there are values");
      }
      Value shown = type == 'r' ? Python.repr(value) : whole(value, type);
      out.add(of(spec(places, type), shown));
    }
    if (text.chars().indexOf('%', at) >= 0) {
      throw new Mistake("a '%' in the text has no type behind it; '%%' is the sign");
    }
    if (used < all.size() && !(values instanceof Dict)) {
      throw new Mistake("the text has fewer places than there are values");
    }
    return out.add(text.sub(at, text.chars().length())).text();
  }

  private static Value whole(Value value, char type) {
    boolean cuts = (type == 'd' || type == 'i') && value instanceof Num num && !num.isWhole();
    if (cuts && !Double.isFinite(((Num) value).real())) {
      throw new Mistake("'%" + type + "' takes a finite number");
    }
    return cuts ? Num.of(new BigDecimal(((Num) value).real()).toBigInteger()) : value;
  }

  private static FormatSpec spec(Matcher place, char type) {
    String flags = place.group(2);
    boolean left = flags.contains("-");
    boolean zeros = flags.contains("0") && !left && type != 's' && type != 'r';
    char sign = flags.contains("+") ? '+' : flags.contains(" ") ? ' ' : '-';
    String digits = place.group(4);
    return new FormatSpec(
        zeros ? '0' : ' ',
        left ? '<' : zeros ? '=' : '>',
        sign,
        FormatSpec.count(place.group(3), 0),
        false,
        digits == null ? -1 : FormatSpec.count(digits, 0),
        type == 'r' ? 's' : type == 'i' ? 'd' : type);
  }

  /// One call of `str.format`.
  private static final class Braces {
    private final Text text;
    private final Arguments arguments;
    private final TextBuilder out = new TextBuilder();
    private int next;

    private Braces(Text text, Arguments arguments) {
      this.text = text;
      this.arguments = arguments;
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
      out.add(spec.isEmpty() ? Python.str(shown) : of(FormatSpec.parse(spec), shown));
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
                : MemberAccess.item(
                    at, digits ? Num.of(PythonLiteral.integer(part)) : Text.of(part));
        rest = rest.substring(Math.min(rest.length(), dot ? end : end + 1));
      }
      return at;
    }
  }
}
