package dev.nudge.server;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// What a client has used: requests of the last minute, which a restart forgets, and tokens of the
/// day in UTC, which [ClientUsage] keeps.
///
/// Threading: any number of threads.
final class Quota {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final Clock clock;
  private final Deque<Instant> requests = new ArrayDeque<>();
  private LocalDate day = LocalDate.EPOCH;
  private long tokens;

  Quota() {
    this(Clock.systemUTC());
  }

  Quota(Clock clock) {
    this.clock = clock;
  }

  /// Counts a request.
  ///
  /// @throws ApiException with the seconds after which there is room again
  synchronized void begin(@Nullable Long mostRequests, @Nullable Long mostTokens) {
    Instant now = clock.instant();
    while (!requests.isEmpty() && !requests.getFirst().plus(MINUTE).isAfter(now)) {
      requests.removeFirst();
    }
    if (mostRequests != null && requests.size() >= mostRequests) {
      Duration wait = Duration.between(now, requests.getFirst().plus(MINUTE));
      throw ApiException.busy(
          "rate_limit_exceeded",
          (int) wait.toSeconds() + 1,
          "this key may ask %d times a minute".formatted(mostRequests));
    }
    if (mostTokens != null && today(now) >= mostTokens) {
      Instant midnight = day.plusDays(1).atStartOfDay(ZoneOffset.UTC).toInstant();
      throw ApiException.busy(
          "insufficient_quota",
          (int) Duration.between(now, midnight).toSeconds() + 1,
          "this key may use %d tokens a day, and has used them; there are more from 00:00 UTC on"
              .formatted(mostTokens));
    }
    if (mostRequests != null) {
      requests.addLast(now);
    }
  }

  /// Takes the last request back: what its client may not ask costs it nothing.
  synchronized void refused() {
    requests.pollLast();
  }

  /// Counts the tokens of a prompt and its answer.
  synchronized void used(long more) {
    today(clock.instant());
    tokens += more;
  }

  /// Goes on where a process before has ended.
  synchronized void restore(LocalDate of, long used) {
    day = of;
    tokens = used;
  }

  /// The tokens of a day; 0 where nothing was used on it.
  synchronized long tokensOf(LocalDate of) {
    return of.equals(day) ? tokens : 0;
  }

  private long today(Instant now) {
    LocalDate today = LocalDate.ofInstant(now, ZoneOffset.UTC);
    if (!today.equals(day)) {
      day = today;
      tokens = 0;
    }
    return tokens;
  }
}
