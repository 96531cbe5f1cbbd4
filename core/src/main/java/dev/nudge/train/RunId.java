package dev.nudge.train;

import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Locale;

/// Makes the id of a run, such as `20261128-021915-7f3a21`: when it began, in UTC, so that ids sort
/// by time, and three random bytes, so that runs that begin in the same second on any machine have
/// their own. It has no character that a shell or a file system minds.
final class RunId {
  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("uuuuMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

  private RunId() {}

  static String at(Instant start) {
    byte[] own = new byte[3];
    new SecureRandom().nextBytes(own);
    return SECOND.format(start) + "-" + HexFormat.of().formatHex(own);
  }
}
