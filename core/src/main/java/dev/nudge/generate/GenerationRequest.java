package dev.nudge.generate;

import dev.nudge.constrain.Constraint;
import dev.nudge.settings.SamplingSettings;
import org.jspecify.annotations.Nullable;

/// What is asked of a session that serves: a prompt, and how it is answered.
///
/// @param prompt its tokens
/// @param sampling of which `n`, `regex` and `jsonSchema` do not count here
/// @param n answers, side by side
/// @param adapter through which it goes; null: the base. A lease of it is held until the answers
///     have ended, so the one that is given may be closed as soon as the request has started
/// @param client whose turn it takes where requests wait
/// @param low whether it runs only while nothing else does; then it may end with a
///     [dev.nudge.settings.BusyException]
/// @param turnEnd a token that ends an answer too: that of a chat template; null: none
/// @param constraint what each answer must be; null: anything
/// @param echo whether the prompt's tokens are told with their log-probabilities, where the
///     sampling asks for any
@SuppressWarnings("ArrayRecordComponent")
public record GenerationRequest(
    int[] prompt,
    SamplingSettings sampling,
    int n,
    AdapterCache.@Nullable Lease adapter,
    String client,
    boolean low,
    @Nullable Integer turnEnd,
    @Nullable Constraint constraint,
    boolean echo) {

  public GenerationRequest {
    prompt = prompt.clone();
    if (n < 1) {
      throw new IllegalArgumentException(n + " answers");
    }
  }

  /// One answer of the base.
  public static GenerationRequest of(int[] prompt, SamplingSettings sampling) {
    return new GenerationRequest(prompt, sampling, 1, null, "", false, null, null, false);
  }

  /// So many answers.
  public GenerationRequest withN(int answers) {
    return new GenerationRequest(
        prompt, sampling, answers, adapter, client, low, turnEnd, constraint, echo);
  }

  /// Through an adapter; null: the base.
  public GenerationRequest withAdapter(AdapterCache.@Nullable Lease lease) {
    return new GenerationRequest(
        prompt, sampling, n, lease, client, low, turnEnd, constraint, echo);
  }

  /// For a client.
  public GenerationRequest withClient(String name) {
    return new GenerationRequest(
        prompt, sampling, n, adapter, name, low, turnEnd, constraint, echo);
  }

  /// Only while nothing else runs.
  public GenerationRequest withLow() {
    return new GenerationRequest(
        prompt, sampling, n, adapter, client, true, turnEnd, constraint, echo);
  }

  /// Ended by a token too; null: none.
  public GenerationRequest withTurnEnd(@Nullable Integer token) {
    return new GenerationRequest(
        prompt, sampling, n, adapter, client, low, token, constraint, echo);
  }

  /// Held to a constraint; null: none.
  public GenerationRequest withConstraint(@Nullable Constraint what) {
    return new GenerationRequest(prompt, sampling, n, adapter, client, low, turnEnd, what, echo);
  }

  /// With the prompt's tokens told too.
  public GenerationRequest withEcho() {
    return new GenerationRequest(
        prompt, sampling, n, adapter, client, low, turnEnd, constraint, true);
  }
}
