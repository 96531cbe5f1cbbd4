package dev.nudge.registry;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/// Says who changes something, when, and why.
///
/// @param why null: not said
public record Note(Instant at, String by, @Nullable String why) {

  /// A change that somebody makes now.
  public static Note by(String who, @Nullable String why) {
    return new Note(Instant.now().truncatedTo(ChronoUnit.MILLIS), who, why);
  }

  /// A change that the user of this process makes now.
  public static Note of(@Nullable String why) {
    return by(System.getProperty("user.name", "unknown"), why);
  }
}
