package dev.nudge.settings;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Words errors for Java code: `--max-length` becomes `withMaxLength` if the settings in use have
/// that wither. Other flags stay.
///
/// It is called at the entries of the Java API: withers, [dev.nudge.Nudge] and
/// [dev.nudge.chat.Assistant]. Code below these, and the command, names flags.
public final class JavaNames {
  private static final Pattern FLAG = Pattern.compile("--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)");

  private JavaNames() {}

  /// Runs a call; a [NudgeException] of it names withers in place of flags.
  ///
  /// @param types classes of the settings in use
  public static <T extends @Nullable Object> T in(
      List<Class<? extends Record>> types, Supplier<T> call) {
    try {
      return call.get();
    } catch (NudgeException e) {
      Set<String> withers = new HashSet<>();
      types.forEach(
          type ->
              Arrays.stream(type.getMethods()).forEach(method -> withers.add(method.getName())));
      e.reword(
          text ->
              FLAG.matcher(text)
                  .replaceAll(
                      flag -> {
                        String wither = wither(flag.group(1));
                        return withers.contains(wither) ? wither : flag.group();
                      }));
      throw e;
    }
  }

  /// `withMaxLength` for `max-length`.
  private static String wither(String flag) {
    return Pattern.compile("(?:^|-)(.)")
        .matcher(flag)
        .replaceAll(start -> start.group(1).toUpperCase(Locale.ROOT))
        .transform("with"::concat);
  }
}
