package dev.nudge.generate;

import dev.nudge.constrain.Constraint;
import dev.nudge.engine.Caller;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Samples the tokens of one answer and decodes them, as the [Caller] of its sequence.
///
/// Threading: the engine's thread.
class SamplingCaller implements Caller {
  final Detokenizer answer;
  final Sampler sampler;
  private final int prompt; // tokens
  private final long draws;
  private Constraint.@Nullable State state; // null: any token may come
  private int id;

  /// @param ends tokens that end the answer, beside the tokenizer's own
  /// @param positions most tokens of the prompt and the answer together
  /// @param draws number of the sequence, for its draws
  SamplingCaller(
      Tokenizer tokenizer,
      List<Integer> ends,
      Sampler.Room room,
      SamplingSettings sampling,
      int[] prompt,
      int positions,
      long draws,
      @Nullable Constraint constraint) {
    int most = positions - prompt.length;
    this.answer = new Detokenizer(tokenizer, ends, prompt, sampling, most, this::piece);
    this.sampler = new Sampler(sampling, id -> ends.contains(id) || tokenizer.isEnd(id), room);
    this.prompt = prompt.length;
    this.draws = draws;
    this.state = constraint == null ? null : constraint.start();
  }

  @Override
  public int next(Tensor logits, int row, int[] ids, int count) {
    long[] allowed = state == null ? null : state.allowed();
    id = sampler.next(logits, row, ids, prompt, count, draws, allowed);
    state = state == null ? null : state.push(id);
    return answer.push(id, sampler.logprobs()) ? id : END;
  }

  /// Receives text as it is decoded, with the marks of [dev.nudge.text.StreamDecoder#MARK].
  void piece(String text) {}

  /// The token that came last, the one that ended the answer too.
  int id() {
    return id;
  }
}
