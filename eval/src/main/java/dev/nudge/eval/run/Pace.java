package dev.nudge.eval.run;

/// Inference speed of the evaluated model in this run. Loading, other models and the KL divergence
/// from the base are excluded.
///
/// @param requests answered requests
/// @param seconds seconds for those requests
/// @param tokens generated tokens
/// @param generating seconds of generation
public record Pace(long requests, double seconds, long tokens, double generating) {
  /// No requests.
  public static final Pace NONE = new Pace(0, 0, 0, 0);

  Pace plus(Pace other) {
    return new Pace(
        requests + other.requests,
        seconds + other.seconds,
        tokens + other.tokens,
        generating + other.generating);
  }

  /// Latency; NaN without requests.
  public double secondsPerRequest() {
    return requests == 0 ? Double.NaN : seconds / requests;
  }

  /// Generation throughput; NaN without generated tokens.
  public double tokensPerSecond() {
    return tokens == 0 ? Double.NaN : tokens / generating;
  }
}
