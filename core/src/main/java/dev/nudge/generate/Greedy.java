package dev.nudge.generate;

import dev.nudge.model.CausalLm;
import dev.nudge.settings.SamplingSettings;
import dev.nudge.tensor.Workspace;
import dev.nudge.text.Tokenizer;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Completes a prompt with the likeliest tokens on a model that somebody else holds, such as a run
/// between two of its steps.
///
/// Threading: any thread, with a workspace of its own; nothing of the model changes.
public final class Greedy {
  private Greedy() {}

  /// Bytes of the workspace for a sequence.
  ///
  /// @param prompt tokens of its prompt
  /// @param positions tokens that it may grow to
  public static long workspaceBytes(CausalLm model, int prompt, int positions) {
    boolean again = model.config().turnsAnew(1, positions);
    return model.nextBytes(again ? positions : prompt, 1, positions);
  }

  /// Completes a prompt.
  ///
  /// @param prompt its tokens
  /// @param positions tokens that the sequence may grow to, for which the model has reserved
  /// @param cancelled asked before each token
  /// @return null where it was cancelled
  public static @Nullable Completion complete(
      CausalLm model,
      Tokenizer tokenizer,
      int[] prompt,
      int positions,
      Workspace ws,
      BooleanSupplier cancelled) {
    Decoder decoder = new Decoder(model, ws);
    SamplingSettings greedy = SamplingSettings.greedy();
    Sampler sampler = new Sampler(greedy);
    Answer answer =
        new Answer(
            tokenizer,
            model.config().eosTokenIds(),
            prompt,
            greedy,
            positions - prompt.length,
            piece -> {});
    try (Decoder.Sequence sequence = decoder.open(0, prompt, positions)) {
      while (!cancelled.getAsBoolean()) {
        int id = sampler.next(decoder.step(List.of(sequence)), 0, sequence.ids, sequence.count, 0);
        if (!answer.push(id)) {
          return answer.completion();
        }
        sequence.add(id);
      }
      return null;
    }
  }
}
