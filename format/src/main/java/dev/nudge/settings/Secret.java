package dev.nudge.settings;

import java.util.regex.Pattern;

/// Masks possible secrets in URLs, for texts that are shown or stored.
///
/// User and password before the host, and every value behind `?` or `#`, become `***`:
/// `https://me:pw@host/path?token=abc` is shown as `https://***@host/path?token=***`. Which values
/// are secrets is not guessed. What is not a URL stays.
public final class Secret {
  private static final String HIDDEN = "***";

  /// One slash may be left of two: a path drops the other.
  private static final String SCHEME = "\\b[A-Za-z][A-Za-z0-9+.-]*:/{1,3}";

  private static final String PART = "[^\\s\"'<>`]"; // of a URL within a sentence

  /// Up to the last `@` before the path: a password may hold one too.
  private static final Pattern USER =
      Pattern.compile("(" + SCHEME + ")(?:(?![/?#])" + PART + ")*@");

  private static final Pattern QUERY =
      Pattern.compile("(" + SCHEME + "(?:(?![?#])" + PART + ")*)([?#]" + PART + "*)");

  /// A name with its `=`, then the value.
  private static final Pattern VALUE = Pattern.compile("([?&#;](?:[^=&#;?]*=)?)[^&#;?]*");

  private Secret() {}

  /// Returns a text with the secrets of its URLs masked.
  public static String hidden(String text) {
    if (text.indexOf(":/") < 0) {
      return text;
    }
    String known = USER.matcher(text).replaceAll("$1***@");
    return QUERY.matcher(known).replaceAll(m -> quoted(m.group(1)) + quoted(values(m.group(2))));
  }

  private static String values(String query) {
    return VALUE
        .matcher(query)
        .replaceAll(m -> quoted(m.group().equals(m.group(1)) ? m.group() : m.group(1) + HIDDEN));
  }

  private static String quoted(String text) {
    return java.util.regex.Matcher.quoteReplacement(text);
  }
}
