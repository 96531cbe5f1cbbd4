package dev.nudge.spark;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import java.io.Serializable;
import java.time.Duration;

/// How a run is distributed over the machines of a cluster.
///
/// @param ranks number of tasks that train together
/// @param port port of rank 0; rank n uses `port` + n. 0: any free ports
/// @param timeout longest wait for other ranks within a step
/// @param attempts consecutive failures without a step between them after which the run fails
public record RankSettings(int ranks, int port, Duration timeout, int attempts)
    implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int MOST_SECONDS = 1_000_000;

  public RankSettings {
    Check.atLeast("--ranks", ranks, 1);
    Check.atLeast("--rank-timeout", timeout.toSeconds(), 1);
    Check.atLeast("--attempts", attempts, 1);
    if (timeout.toSeconds() > MOST_SECONDS) {
      throw new InputException(
          "--rank-timeout is %d; it must be at most %d seconds"
              .formatted(timeout.toSeconds(), MOST_SECONDS));
    }
    if (port < 0 || port > 65_535 - ranks) {
      throw new InputException(
          "--rank-port is %d; it must be from 0 (any free one) to %d"
              .formatted(port, 65_535 - ranks));
    }
  }

  /// Returns settings with any free ports, a timeout of ten minutes and four attempts.
  public static RankSettings of(int ranks) {
    return new RankSettings(ranks, 0, Duration.ofMinutes(10), 4);
  }
}
