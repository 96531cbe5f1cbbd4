package dev.nudge.train;

import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Says when a run began, and how long it has taken.
///
/// @param id such as `20261128-021915-7f3a21`: when it began, in UTC, so that ids sort by time, and
///     three random bytes, so that runs that begin in the same second on any machine have their
///     own. It has no character that a shell or a file system minds
/// @param secondsBefore that it had taken when this process went on with it
/// @param nanos when this process began, by [System#nanoTime]
record RunStart(String id, Instant at, double secondsBefore, long nanos) {
  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("uuuuMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

  /// That of a run that begins or goes on now.
  static RunStart of(Prepared prepared, @Nullable RunCheckpoint resumed) {
    long now = System.nanoTime();
    if (resumed != null) {
      return new RunStart(resumed.run(), Instant.parse(resumed.started()), resumed.seconds(), now);
    }
    Instant at = prepared.at().truncatedTo(ChronoUnit.MILLIS);
    byte[] own = new byte[3];
    new SecureRandom().nextBytes(own);
    return new RunStart(SECOND.format(at) + "-" + HexFormat.of().formatHex(own), at, 0, now);
  }

  /// Seconds that the run has taken, time away apart.
  double seconds() {
    return secondsBefore + since(nanos);
  }

  static double since(long nanos) {
    return (System.nanoTime() - nanos) / 1e9;
  }
}
