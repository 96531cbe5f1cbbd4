package dev.nudge.text.jinja;

import dev.nudge.python.PythonFloat;

/// Writes values as Python's `str` and `repr` do.
final class Python {
  private static final int MOST_DEPTH = 500;

  private Python() {}

  static Text str(Value value) {
    if (value instanceof Text text) {
      return text;
    }
    if (value instanceof Undefined undefined) {
      undefined.mayBeUsed();
      return Text.EMPTY;
    }
    return repr(value);
  }

  static Text repr(Value value) {
    TextBuilder out = new TextBuilder();
    repr(value, Origin.TEMPLATE, out, 0);
    return out.text();
  }

  static String number(Num num) {
    if (num.isBool()) {
      return num.isTrue() ? "True" : "False";
    }
    return num.isWhole() ? num.whole().toString() : PythonFloat.repr(num.real());
  }

  private static void repr(Value value, long origin, TextBuilder out, int depth) {
    if (depth > MOST_DEPTH) {
      throw new Mistake("values are nested too deeply");
    }
    switch (value) {
      case Text text -> quoted(text, out);
      case Num num -> out.add(number(num), origin);
      case None none -> out.add("None", origin);
      case Undefined undefined -> out.add("Undefined", origin);
      case Items items -> items(items, out, depth);
      case Dict dict -> {
        out.add('{', dict.origin());
        boolean first = true;
        for (var entry : dict.entries().entrySet()) {
          out.add(first ? "" : ", ", dict.origin());
          repr(entry.getKey(), dict.origin(), out, depth + 1);
          out.add(": ", dict.origin());
          repr(entry.getValue(), dict.origin(), out, depth + 1);
          first = false;
        }
        out.add('}', dict.origin());
      }
      case Namespace namespace -> throw new Mistake("a namespace cannot be printed");
      case Callable callable ->
          throw new Mistake("the function '" + callable.name() + "' cannot be printed; call it");
    }
  }

  private static void items(Items items, TextBuilder out, int depth) {
    long origin = items.origin();
    switch (items.kind()) {
      case GENERATOR -> throw new Mistake("a generator cannot be printed; put |list behind it");
      case RANGE -> {
        out.add(items.shown(), origin);
        return;
      }
      case VIEW -> out.add(items.shown() + "([", origin);
      case LIST -> out.add('[', origin);
      case TUPLE -> out.add('(', origin);
    }
    boolean first = true;
    for (Value value : items.values()) {
      out.add(first ? "" : ", ", origin);
      repr(value, origin, out, depth + 1);
      first = false;
    }
    switch (items.kind()) {
      case VIEW -> out.add("])", origin);
      case TUPLE -> out.add(items.length() == 1 ? ",)" : ")", origin);
      default -> out.add(']', origin);
    }
  }

  private static void quoted(Text text, TextBuilder out) {
    String all = text.chars();
    char quote = all.indexOf('\'') >= 0 && all.indexOf('"') < 0 ? '"' : '\'';
    out.add(quote, text.origin());
    int at = 0;
    while (at < all.length()) {
      int c = all.codePointAt(at);
      long origin = text.originAt(at);
      switch (c) {
        case '\n' -> out.add("\\n", origin);
        case '\r' -> out.add("\\r", origin);
        case '\t' -> out.add("\\t", origin);
        case '\\' -> out.add("\\\\", origin);
        default -> {
          if (c == quote) {
            out.add("\\" + quote, origin);
          } else if (isPrintable(c)) {
            out.add(c, origin);
          } else {
            String form = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
            out.add(form.formatted(c), origin);
          }
        }
      }
      at += Character.charCount(c);
    }
    out.add(quote, text.isEmpty() ? text.origin() : text.originAt(all.length() - 1));
  }

  private static boolean isPrintable(int c) {
    if (c < 0x7F) {
      return c >= ' ';
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
