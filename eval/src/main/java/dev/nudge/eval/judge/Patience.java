package dev.nudge.eval.judge;

import java.time.Duration;

/// Timeout and retry policy of requests to a server.
///
/// @param answer timeout of one request, to the last byte
/// @param first backoff after the first failure; doubles each time
/// @param longest longest `Retry-After` that is honoured
/// @param tries attempts per question
record Patience(Duration answer, Duration first, Duration longest, int tries) {
  static final Patience USUAL =
      new Patience(Duration.ofMinutes(5), Duration.ofSeconds(1), Duration.ofMinutes(2), 6);

  /// The backoff after `failures` failures.
  Duration after(int failures) {
    Duration wait = first.multipliedBy(1L << Math.min(failures - 1, 20));
    return wait.compareTo(longest) > 0 ? longest : wait;
  }
}
