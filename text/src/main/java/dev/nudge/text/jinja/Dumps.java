package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes values as Python's `json.dumps` does; each character has the origin of the text, dict or
/// list that it belongs to.
final class Dumps {
  private static final int MOST_DEPTH = 500;

  private final TextBuilder out = new TextBuilder();
  private final boolean ascii;
  private final boolean sorted;
  private final boolean markup;
  private final @Nullable String indent;
  private final String comma;
  private final String colon;

  /// @param markup whether to write as jinja2's own `tojson`, safe in HTML
  private Dumps(Arguments arguments, boolean markup) {
    this.ascii = markup || arguments.is("ensure_ascii", false);
    this.sorted = markup || arguments.is("sort_keys", false);
    this.markup = markup;
    Value by = arguments.get("indent", None.NONE);
    this.indent =
        switch (by) {
          case None none -> null;
          case Text text -> text.chars();
          default -> " ".repeat(Math.clamp(Arguments.whole(by, "indent"), 0, 1000));
        };
    Value separators = arguments.get("separators", None.NONE);
    if (separators == None.NONE) {
      this.comma = indent == null ? ", " : ",";
      this.colon = ": ";
    } else {
      List<Value> both = Operators.iterate(separators);
      if (both.size() != 2
          || !(both.get(0) instanceof Text a)
          || !(both.get(1) instanceof Text b)) {
        throw new Mistake("'separators' has to be two texts");
      }
      this.comma = a.chars();
      this.colon = b.chars();
    }
  }

  static Value filter(Value value, Arguments given) {
    return new Dumps(
            given.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys"), false)
        .written(value, given);
  }

  /// Writes as jinja2's own `tojson`: sorted keys, ASCII, HTML characters escaped.
  static Value markup(Value value, Arguments given) {
    return new Dumps(given.bind("tojson", "indent"), true).written(value, given);
  }

  private Value written(Value value, Arguments given) {
    value(value, Origin.TEMPLATE, 0);
    return given.budget().made(out.text());
  }

  private void value(Value value, long origin, int depth) {
    if (depth > MOST_DEPTH) {
      throw new Mistake("values are nested too deeply");
    }
    switch (value) {
      case Text text -> string(text);
      case None none -> out.add("null", origin);
      case Num num -> out.add(number(num), origin);
      case Dict dict -> object(dict, depth);
      case Items items when items.hasIndex() && items.kind() != Items.Kind.RANGE ->
          array(items, depth);
      default -> throw new Mistake("a " + value.type() + " has no JSON");
    }
  }

  private static String number(Num num) {
    if (num.isBool()) {
      return num.isTrue() ? "true" : "false";
    }
    String text = Python.number(num);
    return switch (text) {
      case "nan" -> "NaN";
      case "inf" -> "Infinity";
      case "-inf" -> "-Infinity";
      default -> text;
    };
  }

  private void object(Dict dict, int depth) {
    List<Map.Entry<Value, Value>> entries = new ArrayList<>(dict.entries().entrySet());
    if (sorted) {
      entries.sort((a, b) -> Operators.compare(a.getKey(), b.getKey(), "<"));
    }
    out.add('{', dict.origin());
    boolean first = true;
    for (Map.Entry<Value, Value> entry : entries) {
      out.add(first ? "" : comma, dict.origin());
      line(depth + 1, dict.origin());
      key(entry.getKey(), dict.origin());
      out.add(colon, dict.origin());
      value(entry.getValue(), dict.origin(), depth + 1);
      first = false;
    }
    if (!first) {
      line(depth, dict.origin());
    }
    out.add('}', dict.origin());
  }

  private void key(Value key, long origin) {
    switch (key) {
      case Text text -> string(text);
      case Num num -> string(Text.of(number(num), origin));
      case None none -> string(Text.of("null", origin));
      default -> throw new Mistake("a " + key.type() + " cannot be a key in JSON");
    }
  }

  private void array(Items items, int depth) {
    out.add('[', items.origin());
    boolean first = true;
    for (Value value : items.values()) {
      out.add(first ? "" : comma, items.origin());
      line(depth + 1, items.origin());
      value(value, items.origin(), depth + 1);
      first = false;
    }
    if (!first) {
      line(depth, items.origin());
    }
    out.add(']', items.origin());
  }

  private void line(int depth, long origin) {
    if (indent != null) {
      out.add("\n" + indent.repeat(depth), origin);
    }
  }

  private void string(Text text) {
    out.add('"', text.origin());
    String all = text.chars();
    int plain = 0;
    for (int i = 0; i < all.length(); i++) {
      String escape = escape(all.charAt(i));
      if (escape != null) {
        out.add(text.sub(plain, i)).add(escape, text.originAt(i));
        plain = i + 1;
      }
    }
    out.add(plain == 0 ? text : text.sub(plain, all.length()));
    out.add('"', all.isEmpty() ? text.origin() : text.originAt(all.length() - 1));
  }

  private @Nullable String escape(char c) {
    return switch (c) {
      case '"' -> "\\\"";
      case '\\' -> "\\\\";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\b' -> "\\b";
      case '\f' -> "\\f";
      default -> isEscaped(c) ? "\\u%04x".formatted((int) c) : null;
    };
  }

  private boolean isEscaped(char c) {
    return c < ' ' || ascii && c > '~' || markup && "<>&'".indexOf(c) >= 0;
  }
}
