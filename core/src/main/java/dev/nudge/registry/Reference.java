package dev.nudge.registry;

import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Names a version: `NAME@ALIAS`, `NAME:VERSION` or `NAME@sha256:…`, optionally after `registry:`.
///
/// @param name of the adapter
/// @param to which of its versions
public record Reference(String name, To to) {
  /// Optional prefix that distinguishes a reference from a path.
  public static final String SCHEME = "registry:";

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*");
  private static final Pattern NUMBER = Pattern.compile("[1-9][0-9]{0,8}");
  private static final Pattern DIGEST = Pattern.compile(Sha256.PREFIX + "[0-9a-f]{8,64}");
  private static final int LONGEST = 128;

  /// Selects a version of the adapter.
  public sealed interface To {}

  /// The current version of an alias.
  public record Alias(String alias) implements To {}

  /// The version with this number.
  public record Number(int number) implements To {}

  /// The version with this digest, `sha256:…`: complete, or at least its first 8 hex digits.
  public record Digest(String digest) implements To {}

  /// Parses a reference.
  ///
  /// @throws InputException if the text is no reference
  public static Reference parse(String text) {
    String given = text.startsWith(SCHEME) ? text.substring(SCHEME.length()) : text;
    int at = given.indexOf('@');
    int colon = given.indexOf(':');
    String name = at >= 0 ? given.substring(0, at) : colon >= 0 ? given.substring(0, colon) : given;
    if (at < 0 && colon < 0 && isName(name)) {
      throw new InputException(
          "'%s' names no version; give %s@ALIAS, %s:VERSION or %s@sha256:…"
              .formatted(text, name, name, name));
    }
    To to = at >= 0 ? pin(given.substring(at + 1)) : number(given.substring(colon + 1));
    if (to == null && isName(name) && given.startsWith(Sha256.PREFIX, at + 1)) {
      throw new InputException(
          "'%s' names no version: a digest is sha256: and 64 hex digits, or at least the first 8 of them"
              .formatted(text));
    }
    if (to == null || !isName(name)) {
      throw new InputException(
          "'%s' names no version of an adapter; give NAME@ALIAS, NAME:VERSION or NAME@sha256:…"
              .formatted(text));
    }
    return new Reference(name, to);
  }

  /// Tells whether a text has the form of a reference.
  public static boolean isReference(String text) {
    try {
      parse(text);
      return true;
    } catch (InputException e) {
      return false;
    }
  }

  /// Tells whether a text tries to name a version, not an adapter: it contains `@` or `:`, even if
  /// it is malformed.
  public static boolean meansVersion(String text) {
    return text.indexOf('@') >= 0 || text.indexOf(':') >= 0;
  }

  private static @Nullable To pin(String text) {
    return DIGEST.matcher(text).matches()
        ? new Digest(text)
        : isName(text) ? new Alias(text) : null;
  }

  private static @Nullable To number(String text) {
    return NUMBER.matcher(text).matches() ? new Number(Integer.parseInt(text)) : null;
  }

  private static boolean isName(String text) {
    return text.length() <= LONGEST && NAME.matcher(text).matches();
  }

  /// Checks the name of an adapter or an alias.
  ///
  /// @param what kind of name, for the message
  /// @throws InputException if the name is invalid
  public static String checked(String what, String name) {
    if (!isName(name)) {
      throw new InputException(
          "%s is '%s'; it must be letters, digits and . _ - between them, at most %d"
              .formatted(what, name, LONGEST));
    }
    return name;
  }

  @Override
  public String toString() {
    return switch (to) {
      case Alias alias -> name + "@" + alias.alias;
      case Number number -> name + ":" + number.number;
      case Digest digest -> name + "@" + digest.digest;
    };
  }
}
