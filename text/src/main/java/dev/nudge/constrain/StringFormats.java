package dev.nudge.constrain;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Regular expressions for the string formats that a schema may name.
///
/// Each gives only strings that its standard allows, and of those what is usual: dates that exist,
/// seconds up to 59 (a leap second is at one hour of some days only), capital T and Z, addresses
/// whose parts are letters, digits and few signs.
final class StringFormats {
  private static final String LEAP = "(0[48]|[2468][048]|[13579][26])";
  private static final String DATE =
      "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
          + "|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}"
          + LEAP
          + "|([02468][048]|[13579][26])00)-02-29)";
  private static final String TIME =
      "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"
          + "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
  private static final String HEX = "[0-9a-fA-F]";
  private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final String LABEL = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?";

  private static final Map<String, String> EXPRESSIONS =
      new TreeMap<>(
          Map.of(
              "date", DATE,
              "time", TIME,
              "date-time", DATE + "T" + TIME,
              "uuid", HEX + "{8}(-" + HEX + "{4}){3}-" + HEX + "{12}",
              "ipv4", BYTE + "(\\." + BYTE + "){3}",
              "email",
                  "[A-Za-z0-9_+-]{1,16}(\\.[A-Za-z0-9_+-]{1,15}){0,2}@"
                      + "("
                      + LABEL
                      + "\\.){1,4}[a-z]{2,16}"));

  /// What OpenAPI says of the width of numbers: it holds for no text.
  private static final Set<String> NUMBERS = Set.of("int32", "int64", "float", "double");

  private StringFormats() {}

  static boolean isOfNumbers(String format) {
    return NUMBERS.contains(format);
  }

  static @Nullable String expression(String format) {
    return EXPRESSIONS.get(format);
  }

  static String names() {
    return String.join(", ", EXPRESSIONS.keySet());
  }
}
