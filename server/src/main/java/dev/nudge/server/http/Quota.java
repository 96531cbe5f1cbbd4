package dev.nudge.server.http;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// Rate limits of a client: requests in the last minute, lost on restart, and tokens of the UTC
/// day, persisted by [ClientUsage].
///
/// Threading: any number of threads.
public final class Quota {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final Clock clock;
  private final Deque<Instant> requests = new ArrayDeque<>();
  private LocalDate day = LocalDate.EPOCH;
  private long tokens;

  Quota() {
    this(Clock.systemUTC());
  }

  public Quota(Clock clock) {
    this.clock = clock;
  }

  /// Counts a request.
  ///
  /// @throws ApiException with a `Retry-After` if a limit is exceeded
  public synchronized void begin(@Nullable Long mostRequests, @Nullable Long mostTokens) {
    Instant now = clock.instant();
    while (!requests.isEmpty() && !requests.getFirst().plus(MINUTE).isAfter(now)) {
      requests.removeFirst();
    }
    if (mostRequests != null && requests.size() >= mostRequests) {
      Duration wait = Duration.between(now, requests.getFirst().plus(MINUTE));
      throw ApiException.busy(
          "rate_limit_exceeded",
          (int) wait.toSeconds() + 1,
          "rate limit: %d requests per minute for this key".formatted(mostRequests));
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

  /// Uncounts the last request, which was not permitted.
  synchronized void refused() {
    requests.pollLast();
  }

  /// Adds the tokens of a prompt and its answer.
  public synchronized void used(long more) {
    today(clock.instant());
    tokens += more;
  }

  /// Restores the persisted tokens of a day.
  public synchronized void restore(LocalDate of, long used) {
    day = of;
    tokens = used;
  }

  /// The tokens used on a day.
  public synchronized long tokensOf(LocalDate of) {
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
