package dev.nudge.constrain;

import dev.nudge.constrain.Shape.NumberRule;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/// Builds automata for JSON numbers: the intersection of automata for the digits, the bounds and
/// the multiple.
///
/// A number without a rule is any JSON number with an exponent of at most two digits (parsers
/// refuse larger exponents or return infinity). A number with bounds or a multiple has no exponent,
/// so that its digits give its size, and is never -0; it has no more decimals than the multiple.
final class Decimals {
  static final int MOST_REMAINDERS = 10_000;

  private static final Ranges DOT = Ranges.of('.');
  private static final Ranges DIGIT = Ranges.of('0', '9');

  private Decimals() {}

  /// Returns the automaton of the numbers that a rule allows, as texts.
  static CharNfa of(NumberRule rule) {
    if (rule.equals(NumberRule.ANY)) {
      return parsed("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,2})?");
    }
    CharNfa made = new CharNfa();
    int start = made.state();
    int end = made.state();
    BigDecimal zero = BigDecimal.ZERO;
    BigDecimal least = rule.least();
    BigDecimal most = rule.most();
    if (most == null || most.signum() >= 0) {
      CharNfa texts = digits(rule.multiple());
      texts = most == null ? texts : texts.and(compared(most, true, !rule.below(), false));
      if (least != null && (least.signum() > 0 || least.signum() == 0 && rule.above())) {
        texts = texts.and(compared(least, false, !rule.above(), true));
      }
      made.skip(made.add(texts, start), end);
    }
    if (least == null || least.signum() < 0) {
      CharNfa texts = digits(rule.multiple()).and(compared(zero, false, false, true));
      texts =
          least == null ? texts : texts.and(compared(least.negate(), true, !rule.above(), false));
      if (most != null && most.signum() < 0) {
        texts = texts.and(compared(most.negate(), false, !rule.below(), true));
      }
      int sign = made.state();
      made.edge(start, Ranges.of('-'), sign);
      made.skip(made.add(texts, sign), end);
    }
    return made.endingIn(end);
  }

  private static CharNfa parsed(String expression) {
    return RegularExpressionParser.automaton(expression, false, "");
  }

  private static CharNfa digits(@Nullable BigDecimal multiple) {
    String whole = "(0|[1-9][0-9]*)";
    if (multiple == null) {
      return parsed(whole + "(\\.[0-9]+)?");
    }
    int decimals = decimals(multiple);
    CharNfa plain = parsed(decimals == 0 ? whole : whole + "(\\.[0-9]{1," + decimals + "})?");
    int remainders = remainders(multiple);
    return remainders == 1 ? plain : plain.and(multiples(remainders, decimals));
  }

  private static int decimals(BigDecimal multiple) {
    return Math.max(0, multiple.stripTrailingZeros().scale());
  }

  /// Whether the automaton is small enough: it has a state per remainder of the multiple.
  static boolean fits(NumberRule rule) {
    return rule.multiple() == null || remainders(rule.multiple()) <= MOST_REMAINDERS;
  }

  private static int remainders(BigDecimal multiple) {
    BigInteger unscaled = multiple.setScale(decimals(multiple)).unscaledValue();
    return unscaled.bitLength() < Integer.SIZE ? unscaled.intValue() : Integer.MAX_VALUE;
  }

  /// Accepts digits with at most `decimals` decimals that are a multiple of `divisor` once they are
  /// padded with zeros to `decimals` and the point is removed.
  private static CharNfa multiples(int divisor, int decimals) {
    CharNfa made = new CharNfa();
    made.state();
    int end = made.state();
    int[][] states = new int[decimals + 1][divisor]; // decimals read, remainder so far
    for (int[] row : states) {
      for (int r = 0; r < divisor; r++) {
        row[r] = made.state();
      }
    }
    made.skip(0, states[0][0]);
    int[] points = new int[divisor];
    for (int r = 0; r < divisor && decimals > 0; r++) {
      points[r] = made.state();
      made.edge(states[0][r], DOT, points[r]);
    }
    BigInteger all = BigInteger.valueOf(divisor);
    for (int d = 0; d <= decimals; d++) {
      BigInteger rest = BigInteger.TEN.pow(decimals - d);
      for (int r = 0; r < divisor; r++) {
        for (int digit = 0; digit < 10; digit++) {
          int next = (10 * r + digit) % divisor;
          Ranges on = Ranges.of('0' + digit);
          if (d == 0) {
            made.edge(states[0][r], on, states[0][next]);
          }
          if (d < decimals) {
            made.edge(d == 0 ? points[r] : states[d][r], on, states[d + 1][next]);
          }
        }
        if (BigInteger.valueOf(r).multiply(rest).mod(all).signum() == 0) {
          made.skip(states[d][r], end);
        }
      }
    }
    return made.endingIn(end);
  }

  /// Accepts unsigned numbers less than, equal to or greater than a bound, as the flags say.
  private static CharNfa compared(BigDecimal bound, boolean less, boolean equal, boolean more) {
    String[] parts = bound.stripTrailingZeros().toPlainString().split("\\.");
    String whole = parts[0];
    String decimals = parts.length > 1 ? parts[1] : "";
    int n = whole.length();
    int k = decimals.length();
    CharNfa made = new CharNfa();
    int start = made.state();
    int end = made.state();
    int behindLess = ending(made, end, less);
    int behindMore = ending(made, end, more);
    made.edge(behindLess, DIGIT, behindLess);
    made.edge(behindMore, DIGIT, behindMore);
    int[] fraction = new int[k + 1]; // equal so far, decimals read
    for (int j = 0; j <= k; j++) {
      fraction[j] = ending(made, end, j < k ? less : equal);
    }
    for (int j = 0; j <= k; j++) {
      int to = j < k ? fraction[j + 1] : fraction[k];
      fork(made, fraction[j], j < k ? decimals.charAt(j) : '0', behindLess, to, behindMore);
    }
    int longer = ending(made, end, more);
    made.edge(longer, DIGIT, longer);
    made.edge(longer, DOT, behindMore);
    int[] lower = new int[n + 1]; // digits before the point that were read
    int[] same = new int[n + 1];
    int[] higher = new int[n + 1];
    for (int i = 0; i <= n; i++) {
      boolean shorter = i < n;
      lower[i] = ending(made, end, less);
      same[i] = i == 0 ? start : ending(made, end, shorter || k > 0 ? less : equal);
      higher[i] = ending(made, end, shorter ? less : more);
      made.edge(lower[i], DOT, behindLess);
      made.edge(same[i], DOT, shorter ? behindLess : fraction[0]);
      made.edge(higher[i], DOT, shorter ? behindLess : behindMore);
    }
    for (int i = 0; i < n; i++) {
      made.edge(lower[i], DIGIT, lower[i + 1]);
      made.edge(higher[i], DIGIT, higher[i + 1]);
      fork(made, same[i], whole.charAt(i), lower[i + 1], same[i + 1], higher[i + 1]);
    }
    for (int at : new int[] {lower[n], same[n], higher[n]}) {
      made.edge(at, DIGIT, longer);
    }
    return made.endingIn(end);
  }

  private static int ending(CharNfa made, int end, boolean ends) {
    int state = made.state();
    if (ends) {
      made.skip(state, end);
    }
    return state;
  }

  private static void fork(CharNfa made, int from, char digit, int less, int equal, int more) {
    if (digit > '0') {
      made.edge(from, Ranges.of('0', digit - 1), less);
    }
    made.edge(from, Ranges.of(digit), equal);
    if (digit < '9') {
      made.edge(from, Ranges.of(digit + 1, '9'), more);
    }
  }
}
