package dev.nudge.registry;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/// Author, time and reason of a change.
///
/// @param why null: no reason given
public record Note(Instant at, String by, @Nullable String why) {

  /// A note of `who`, now.
  public static Note by(String who, @Nullable String why) {
    return new Note(Instant.now().truncatedTo(ChronoUnit.MILLIS), who, why);
  }

  /// A note of this process's user, now.
  public static Note of(@Nullable String why) {
    return by(System.getProperty("user.name", "unknown"), why);
  }
}
