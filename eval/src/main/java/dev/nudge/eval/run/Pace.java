package dev.nudge.eval.run;

/// How fast the model that was evaluated answered, in this run. Loading is not counted, nor what
/// other models of the evaluation were asked, nor how far it is from its base.
///
/// @param requests that it answered
/// @param seconds that it took for them
/// @param tokens that it generated
/// @param generating seconds that it took for those
public record Pace(long requests, double seconds, long tokens, double generating) {
  /// Nothing was asked.
  public static final Pace NONE = new Pace(0, 0, 0, 0);

  Pace plus(Pace other) {
    return new Pace(
        requests + other.requests,
        seconds + other.seconds,
        tokens + other.tokens,
        generating + other.generating);
  }

  /// NaN where nothing was asked.
  public double secondsPerRequest() {
    return requests == 0 ? Double.NaN : seconds / requests;
  }

  /// NaN where nothing was generated.
  public double tokensPerSecond() {
    return tokens == 0 ? Double.NaN : tokens / generating;
  }
}
