package dev.nudge.settings;

import java.util.regex.Pattern;

/// Masks possible secrets in URLs, for texts that are shown or stored.
///
/// User and password before the host, and every value after `?` or `#`, become `***`:
/// `https://me:pw@host/path?token=abc` is shown as `https://***@host/path?token=***`. All values
/// are masked, secret or not. Text outside of URLs stays.
public final class Secret {
  private static final String HIDDEN = "***";

  /// A path may have dropped one of the two slashes.
  private static final String SCHEME = "\\b[A-Za-z][A-Za-z0-9+.-]*:/{1,3}";

  private static final String PART = "[^\\s\"'<>`]"; // a character of a URL within a sentence

  /// Ends at the last `@` before the path, as a password may contain one.
  private static final Pattern USER =
      Pattern.compile("(" + SCHEME + ")(?:(?![/?#])" + PART + ")*@");

  private static final Pattern QUERY =
      Pattern.compile("(" + SCHEME + "(?:(?![?#])" + PART + ")*)([?#]" + PART + "*)");

  /// A parameter's name with `=`, then its value.
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
