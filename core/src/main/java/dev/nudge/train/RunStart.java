package dev.nudge.train;

import dev.nudge.train.checkpoint.RunCheckpoint;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The start of a run: its id, and its training time.
///
/// @param id such as `20261128-021915-7f3a21`: start time in UTC, so that ids sort by time, and
///     three random bytes, so that runs of the same second differ on all machines. Safe in shells
///     and file systems
/// @param secondsBefore seconds of training before this process resumed the run
/// @param nanos start of this process, by [System#nanoTime]
record RunStart(String id, Instant at, double secondsBefore, long nanos) {
  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("uuuuMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

  /// The start of a run that begins or resumes now.
  static RunStart of(Prepared prepared, @Nullable RunCheckpoint resumed) {
    long now = System.nanoTime();
    if (resumed != null) {
      return new RunStart(resumed.run(), Instant.parse(resumed.started()), resumed.seconds(), now);
    }
    Instant at = prepared.schedule().at().truncatedTo(ChronoUnit.MILLIS);
    byte[] own = new byte[3];
    new SecureRandom().nextBytes(own);
    return new RunStart(SECOND.format(at) + "-" + HexFormat.of().formatHex(own), at, 0, now);
  }

  /// Seconds of training so far, without interruptions.
  double seconds() {
    return secondsBefore + since(nanos);
  }

  static double since(long nanos) {
    return (System.nanoTime() - nanos) / 1e9;
  }
}
