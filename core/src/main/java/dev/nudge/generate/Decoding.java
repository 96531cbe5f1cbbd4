package dev.nudge.generate;

import dev.nudge.engine.Engine;
import dev.nudge.engine.Ticket;
import dev.nudge.model.CausalLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Completes prompts on an engine of the caller's, such as a training run's.
///
/// Threading: any thread.
public final class Decoding {
  private Decoding() {}

  /// A prompt.
  ///
  /// @param ids token ids of the prompt
  /// @param positions most tokens of the prompt and its answer together
  /// @param sequence number of the sequence, for its draws
  public record Prompt(int[] ids, int positions, long sequence) {
    /// A prompt whose answer is not drawn.
    public Prompt(int[] ids, int positions) {
      this(ids, positions, 0);
    }
  }

  /// An answer.
  ///
  /// @param ids token ids of the prompt, then of the answer, with the token that ended it
  /// @param finished whether an end token ended it
  public record Answer(int[] ids, String text, boolean finished) {}

  /// Completes prompts side by side.
  ///
  /// @param model the engine's model
  /// @param turnEnd the chat template's end-of-turn token, which ends an answer too; null: none
  /// @param cancelled asked before each token, on the engine's thread
  /// @return the answers in the order of the prompts; null: cancelled
  public static @Nullable List<Answer> answers(
      Engine engine,
      CausalLm model,
      Tokenizer tokenizer,
      List<Prompt> prompts,
      SamplingSettings sampling,
      @Nullable Integer turnEnd,
      BooleanSupplier cancelled) {
    List<Integer> ends = ends(model.config(), turnEnd);
    Sampler.Room room = new Sampler.Room();
    List<Decoded> callers = new ArrayList<>();
    List<Ticket> tickets = new ArrayList<>();
    for (Prompt prompt : prompts) {
      Decoded caller = new Decoded(tokenizer, ends, room, sampling, prompt, cancelled);
      callers.add(caller);
      tickets.add(engine.submit(prompt.ids, prompt.positions, null, caller));
    }
    tickets.forEach(Ticket::await);
    if (callers.stream().anyMatch(caller -> caller.cancelled)
        || Thread.currentThread().isInterrupted()) {
      return null;
    }
    return callers.stream().map(Decoded::answer).toList();
  }

  /// The tokens that end an answer, beside the tokenizer's own.
  ///
  /// @param turnEnd that of a chat template; null: none
  static List<Integer> ends(ModelConfig config, @Nullable Integer turnEnd) {
    return turnEnd == null
        ? config.eosTokenIds()
        : Stream.concat(config.eosTokenIds().stream(), Stream.of(turnEnd)).toList();
  }

  /// Keeps the tokens of one answer, too.
  private static final class Decoded extends SamplingCaller {
    private final BooleanSupplier cancel;
    private int[] ids;
    private boolean cancelled;

    Decoded(
        Tokenizer tokenizer,
        List<Integer> ends,
        Sampler.Room room,
        SamplingSettings sampling,
        Prompt prompt,
        BooleanSupplier cancel) {
      super(tokenizer, ends, room, sampling, prompt.ids, prompt.positions, prompt.sequence, null);
      this.ids = prompt.ids;
      this.cancel = cancel;
    }

    @Override
    public int next(Tensor logits, int row, int[] history, int count) {
      if (cancel.getAsBoolean()) {
        cancelled = true;
        return END;
      }
      int next = super.next(logits, row, history, count);
      ids = Arrays.copyOf(history, count + 1);
      ids[count] = id();
      return next;
    }

    Answer answer() {
      Completion completion = answer.written();
      return new Answer(ids, completion.text(), completion.stop() == Completion.Stop.EOS);
    }
  }
}
