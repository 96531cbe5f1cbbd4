package dev.nudge.hub;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Counts the failures of one request and waits between attempts: 1, 2, 4, 8, 8 seconds, or as long
/// as the hub demands.
///
/// Progress resets the count, so a download over an unreliable connection still finishes.
final class Attempts {
  /// Waits between attempts; tests replace it.
  interface Pause {
    void sleep(Duration time) throws InterruptedException;
  }

  /// Thrown after the last attempt.
  static final class GaveUp extends RunException {
    private static final long serialVersionUID = 1L;

    GaveUp(String message) {
      super(message);
    }
  }

  private static final int MOST = 5; // failures in a row
  private static final int MOST_OF_ALL = 200;
  private static final Duration LONGEST = Duration.ofMinutes(6); // the hub's window is five
  private static final Pattern WINDOW = Pattern.compile("r=0;\\s*t=(\\d{1,6})");

  private final String what;
  private final HubListener listener;
  private final Pause pause;
  private int inARow;
  private int all;

  /// @param what the requested file or repository, for messages
  Attempts(String what, HubListener listener, Pause pause) {
    this.what = what;
    this.listener = listener;
    this.pause = pause;
  }

  /// Whether a status is temporary: the same request may succeed later.
  static boolean isPassing(int status) {
    return status == 408 || status == 429 || status >= 500 && status != 501;
  }

  /// Reports progress of the request.
  void moved() {
    inARow = 0;
  }

  /// Waits after an answer with a temporary status ([#isPassing]).
  ///
  /// @throws RunException if it was the last attempt
  void answered(HttpResponse<?> answer) throws IOException {
    again("the hub answered " + answer.statusCode(), asked(answer));
  }

  /// Waits after a failure of the network.
  ///
  /// @throws RunException if it was the last attempt
  void failed(IOException e) throws IOException {
    if (e instanceof InterruptedIOException) {
      throw e;
    }
    again(String.valueOf(e.getMessage()), Duration.ZERO);
  }

  private void again(String why, Duration asked) throws IOException {
    inARow++;
    all++;
    if (inARow > MOST || all > MOST_OF_ALL) {
      throw new GaveUp("%s: %s; tried %d times".formatted(what, why, all));
    }
    if (asked.compareTo(LONGEST) > 0) {
      throw new RunException(
          "%s: %s and asks to wait %d seconds; try again then"
              .formatted(what, why, asked.toSeconds()));
    }
    Duration own = Duration.ofSeconds(Math.min(8, 1L << (inARow - 1)));
    Duration wait = asked.compareTo(own) > 0 ? asked : own;
    listener.again(why, wait);
    try {
      pause.sleep(wait);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  /// Returns how long the hub demands to wait.
  private static Duration asked(HttpResponse<?> answer) {
    String after = answer.headers().firstValue("Retry-After").orElse("").strip();
    Matcher window = WINDOW.matcher(answer.headers().firstValue("ratelimit").orElse(""));
    if (after.matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(after));
    }
    if (window.find()) {
      return Duration.ofSeconds(Long.parseLong(window.group(1)));
    }
    try {
      Instant until = ZonedDateTime.parse(after, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration wait = Duration.between(Instant.now(), until);
      return wait.isNegative() ? Duration.ZERO : wait;
    } catch (DateTimeException e) {
      return Duration.ZERO;
    }
  }
}
