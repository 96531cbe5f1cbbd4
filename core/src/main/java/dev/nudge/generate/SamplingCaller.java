package dev.nudge.generate;

import dev.nudge.constrain.Constraint;
import dev.nudge.engine.Caller;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Samples the tokens of one answer, as the [Caller] of its sequence.
///
/// Threading: the engine's thread.
final class SamplingCaller implements Caller {
  private final Sampler sampler;
  private final Detokenizer answer;
  private final int prompt;
  private final long draws;
  private Constraint.@Nullable State state;

  /// @param prompt tokens of the prompt
  /// @param draws number of the sequence, for its draws
  /// @param state what the answer must go on from; null: anything may come
  SamplingCaller(
      Sampler sampler,
      Detokenizer answer,
      int prompt,
      long draws,
      Constraint.@Nullable State state) {
    this.sampler = sampler;
    this.answer = answer;
    this.prompt = prompt;
    this.draws = draws;
    this.state = state;
  }

  @Override
  public int next(Tensor logits, int row, int[] ids, int count) {
    long[] allowed = state == null ? null : state.allowed();
    int id = sampler.next(logits, row, ids, prompt, count, draws, allowed);
    state = state == null ? null : state.push(id);
    return answer.push(id, sampler.logprobs()) ? id : END;
  }
}
