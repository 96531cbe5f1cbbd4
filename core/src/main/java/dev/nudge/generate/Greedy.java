package dev.nudge.generate;

import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Ticket;
import dev.nudge.model.CausalLm;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.SamplingSettings;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Completes prompts by greedy decoding on an engine of the caller's, such as a training run's.
///
/// Threading: any thread.
public final class Greedy {
  private Greedy() {}

  /// A prompt.
  ///
  /// @param ids token ids of the prompt
  /// @param positions most tokens of the prompt and its answer together
  @SuppressWarnings("ArrayRecordComponent")
  public record Prompt(int[] ids, int positions) {}

  /// Completes prompts side by side.
  ///
  /// @param model the engine's model
  /// @param turnEnd the chat template's end-of-turn token, which ends an answer too; null: none
  /// @param cancelled asked before each token, on the engine's thread
  /// @return the answers in the order of the prompts; null: cancelled
  public static @Nullable List<String> answers(
      Engine engine,
      CausalLm model,
      Tokenizer tokenizer,
      List<Prompt> prompts,
      @Nullable Integer turnEnd,
      BooleanSupplier cancelled) {
    List<Integer> ends = ends(model.config(), turnEnd);
    List<Likeliest> callers = new ArrayList<>();
    List<Ticket> tickets = new ArrayList<>();
    for (Prompt prompt : prompts) {
      Likeliest caller = new Likeliest(ends, tokenizer, prompt, cancelled);
      callers.add(caller);
      tickets.add(engine.submit(prompt.ids, prompt.positions, null, caller));
    }
    tickets.forEach(Ticket::await);
    if (callers.stream().anyMatch(caller -> caller.cancelled)
        || Thread.currentThread().isInterrupted()) {
      return null;
    }
    return callers.stream().map(caller -> caller.answer.completion().text()).toList();
  }

  /// The tokens that end an answer, beside the tokenizer's own.
  ///
  /// @param turnEnd that of a chat template; null: none
  static List<Integer> ends(ModelConfig config, @Nullable Integer turnEnd) {
    return turnEnd == null
        ? config.eosTokenIds()
        : Stream.concat(config.eosTokenIds().stream(), Stream.of(turnEnd)).toList();
  }

  /// Takes the likeliest tokens of one answer.
  private static final class Likeliest implements Caller {
    private final Sampler sampler = new Sampler(SamplingSettings.greedy());
    private final Detokenizer answer;
    private final int prompt;
    private final BooleanSupplier cancel;
    private boolean cancelled;

    Likeliest(List<Integer> ends, Tokenizer tokenizer, Prompt prompt, BooleanSupplier cancel) {
      this.answer =
          new Detokenizer(
              tokenizer,
              ends,
              prompt.ids,
              SamplingSettings.greedy(),
              prompt.positions - prompt.ids.length,
              piece -> {});
      this.prompt = prompt.ids.length;
      this.cancel = cancel;
    }

    @Override
    public int next(Tensor logits, int row, int[] ids, int count) {
      if (cancel.getAsBoolean()) {
        cancelled = true;
        return END;
      }
      int id = sampler.next(logits, row, ids, prompt, count, 0, null);
      return answer.push(id) ? id : END;
    }
  }
}
