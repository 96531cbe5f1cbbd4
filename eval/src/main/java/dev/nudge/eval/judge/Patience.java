package dev.nudge.eval.judge;

import java.time.Duration;

/// How long a server is waited for.
///
/// @param answer one answer, from the request to its last byte
/// @param first wait after a failure that may pass; each further one is twice as long
/// @param longest wait that a server may ask for
/// @param tries of one question
record Patience(Duration answer, Duration first, Duration longest, int tries) {
  static final Patience USUAL =
      new Patience(Duration.ofMinutes(5), Duration.ofSeconds(1), Duration.ofMinutes(2), 6);

  /// The wait after so many failures.
  Duration after(int failures) {
    Duration wait = first.multipliedBy(1L << Math.min(failures - 1, 20));
    return wait.compareTo(longest) > 0 ? longest : wait;
  }
}
