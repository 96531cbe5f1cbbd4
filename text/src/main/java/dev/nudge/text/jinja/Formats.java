package dev.nudge.text.jinja;

import dev.nudge.python.FormatSpec;

/// Formats a value by a Python format specification; padding has the template's origin.
final class Formats {
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
}
