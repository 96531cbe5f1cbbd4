package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// A reward source, as `--reward` names it: `exact:{answer}`, `regex:/[0-9]+/=0.5`, `json`.
///
/// @param text as it was given, without its weight
/// @param kind text before the first colon: `exact`, `regex`, `length`, `json`, `adapter` or `url`;
///     else the name of a Java class's reward
/// @param argument text after that colon; may be empty
/// @param weight of the reward in the sum
public record RewardSource(String text, String kind, String argument, double weight) {
  private static final Pattern WEIGHED =
      Pattern.compile("(.*)=([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)", Pattern.DOTALL);
  private static final Pattern REGEX = Pattern.compile("/(.*)/(i?)", Pattern.DOTALL);

  /// Parses a user's text.
  ///
  /// @throws InputException if it is malformed
  public static RewardSource parse(String given) {
    Check.notBlank("--reward", given);
    Matcher weighed = WEIGHED.matcher(given);
    String text = weighed.matches() ? weighed.group(1) : given;
    double weight = weighed.matches() ? Double.parseDouble(weighed.group(2)) : 1;
    int colon = text.indexOf(':');
    String kind = colon < 0 ? text : text.substring(0, colon);
    RewardSource source =
        new RewardSource(text, kind, colon < 0 ? "" : text.substring(colon + 1), weight);
    source.check();
    return source;
  }

  /// The folder of a reward adapter, or its name in the registry; null: it is another kind.
  public @Nullable Path adapter() {
    return kind.equals("adapter") ? Path.of(argument) : null;
  }

  private void check() {
    switch (kind) {
      case "exact" -> needs(!argument.isEmpty(), "a pattern of the answer, as exact:{answer}");
      case "regex" -> pattern();
      case "length" -> needs(argument.matches("[1-9]\\d{0,8}"), "a number of tokens, as length:64");
      case "json" ->
          needs(
              !argument.isBlank() || !text.endsWith(":"), "the file of a schema behind its colon");
      case "adapter" ->
          needs(!argument.isBlank(), "a reward adapter, by its folder or its name in the registry");
      case "url" -> needs(argument.matches("https?://\\S+"), "an address, as url:http://host/path");
      default -> needs(argument.isEmpty() && !kind.isBlank(), null);
    }
  }

  /// The regular expression of `regex:/…/`.
  public Pattern pattern() {
    Matcher regex = REGEX.matcher(argument);
    needs(regex.matches(), "an expression between slashes, as regex:/[0-9]+/");
    try {
      int flags = regex.group(2).isEmpty() ? 0 : Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE;
      return Pattern.compile(regex.group(1), flags);
    } catch (PatternSyntaxException e) {
      throw new InputException("--reward %s: %s".formatted(text, e.getDescription()), e);
    }
  }

  private void needs(boolean there, @Nullable String what) {
    if (!there) {
      throw new InputException(
          what == null
              ? "--reward %s: '%s' is unknown; there are exact, regex, length, json, adapter, url, and names of Java classes"
                  .formatted(text, kind)
              : "--reward %s: %s needs %s".formatted(text, kind, what));
    }
  }
}
