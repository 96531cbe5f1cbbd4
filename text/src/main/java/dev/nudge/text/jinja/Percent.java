package dev.nudge.text.jinja;

import dev.nudge.python.FormatSpec;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's `%` formatting of texts.
final class Percent {
  private static final Pattern PLACE =
      Pattern.compile("%(?:\\(([^)]*)\\))?([-+ 0#]*)(\\d*)(?:\\.(\\d*))?(.)", Pattern.DOTALL);

  private Percent() {}

  static Text format(Text text, Value values) {
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
      out.add(Formats.of(spec(places, type), shown));
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
}
