package dev.nudge.generate;

import dev.nudge.constrain.Constraint;
import dev.nudge.settings.verb.SamplingSettings;
import org.jspecify.annotations.Nullable;

/// A request to [Serving]: a prompt, sampling, an adapter and a client.
///
/// @param prompt token ids of the prompt
/// @param sampling its `n`, `regex` and `jsonSchema` are ignored
/// @param n number of answers, decoded side by side
/// @param adapter lease of the adapter; null: the base model. The request takes a lease of its own
///     until its answers have ended, so this one may be closed once the request has started
/// @param client client in whose name the request queues
/// @param low low priority: runs only while nothing else does, and may fail with a
///     [dev.nudge.settings.BusyException]
/// @param turnEnd the chat template's end-of-turn token, which ends an answer too; null: none
/// @param constraint grammar that each answer must match; null: none
/// @param echo whether to report the prompt's log-probabilities, if `sampling` has `logprobs`
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

  /// Makes a request for one answer of the base model.
  public static GenerationRequest of(int[] prompt, SamplingSettings sampling) {
    return new GenerationRequest(prompt, sampling, 1, null, "", false, null, null, false);
  }

  /// Copies the request with a number of answers.
  public GenerationRequest withN(int answers) {
    return new GenerationRequest(
        prompt, sampling, answers, adapter, client, low, turnEnd, constraint, echo);
  }

  /// Copies the request with an adapter; null: the base model.
  public GenerationRequest withAdapter(AdapterCache.@Nullable Lease lease) {
    return new GenerationRequest(
        prompt, sampling, n, lease, client, low, turnEnd, constraint, echo);
  }

  /// Copies the request with a client.
  public GenerationRequest withClient(String name) {
    return new GenerationRequest(
        prompt, sampling, n, adapter, name, low, turnEnd, constraint, echo);
  }

  /// Copies the request with low priority.
  public GenerationRequest withLow() {
    return new GenerationRequest(
        prompt, sampling, n, adapter, client, true, turnEnd, constraint, echo);
  }

  /// Copies the request with an end-of-turn token; null: none.
  public GenerationRequest withTurnEnd(@Nullable Integer token) {
    return new GenerationRequest(
        prompt, sampling, n, adapter, client, low, token, constraint, echo);
  }

  /// Copies the request with a constraint; null: none.
  public GenerationRequest withConstraint(@Nullable Constraint what) {
    return new GenerationRequest(prompt, sampling, n, adapter, client, low, turnEnd, what, echo);
  }

  /// Copies the request with log-probabilities of the prompt.
  public GenerationRequest withEcho() {
    return new GenerationRequest(
        prompt, sampling, n, adapter, client, low, turnEnd, constraint, true);
  }
}
