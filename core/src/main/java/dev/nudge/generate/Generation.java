package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.constrain.Constraint;
import dev.nudge.engine.Engine;
import dev.nudge.engine.SequenceRequest;
import dev.nudge.engine.Ticket;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.StreamDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Completes prompts on a session's engine: one as a stream of text, or many side by side.
///
/// Threading: any number of threads at once, on one session.
public final class Generation {
  private static final int AHEAD = 128; // sequences asked for before they are waited for

  private final Session session;
  private final SamplingSettings sampling;
  private final @Nullable Constraint constraint;
  private final @Nullable Integer turnEnd;
  private final List<Integer> ends; // beside the tokenizer's own

  /// @throws InputException if the settings name a token id that the model does not have
  public Generation(Session session, SamplingSettings sampling) {
    this(session, sampling, null);
  }

  /// @param turnEnd a token that ends an answer too: that of a chat template; null: none
  Generation(Session session, SamplingSettings sampling, @Nullable Integer turnEnd) {
    this.ends = Decoding.ends(session.config(), turnEnd);
    sampling.checkTokens(session.config().vocabSize());
    this.session = session;
    this.turnEnd = turnEnd;
    this.sampling = sampling;
    this.constraint = constraint();
  }

  /// Whether it is one of these settings.
  boolean is(SamplingSettings wanted, @Nullable Integer end) {
    return wanted.equals(sampling) && Objects.equals(turnEnd, end);
  }

  private @Nullable Constraint constraint() {
    Path schema = sampling.jsonSchema();
    if (sampling.regex() == null && schema == null) {
      return null;
    }
    List<Integer> ends =
        IntStream.range(0, session.config().vocabSize())
            .filter(id -> this.ends.contains(id) || session.tokenizer().isEnd(id))
            .boxed()
            .toList();
    if (schema == null) {
      return Constraint.regex(Objects.requireNonNull(sampling.regex()), session.tokenizer(), ends);
    }
    try {
      return Constraint.jsonSchema(Files.readString(schema), session.tokenizer(), ends);
    } catch (InputException e) {
      throw new InputException("--json-schema " + schema + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(
          "--json-schema " + schema + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// A completion that the engine makes.
  record Pending(Ticket ticket, Detokenizer answer) {
    /// Waits for it; where it was cancelled, it is what there is.
    Completion await() {
      ticket.await();
      answer.interrupt(); // if it has not ended
      return answer.written();
    }

    /// Waits until the engine has done with it, where nobody wants it any more.
    void end() {
      try {
        ticket.await();
      } catch (RuntimeException | Error e) {
        // the first failure is thrown, this one is of the same cause or nobody's
      }
    }
  }

  /// Completes one prompt. An interrupt of this thread ends it within a token: the completion is
  /// the text until then, and the thread is interrupted again.
  ///
  /// @param pieces receives text as it is decoded, whole characters only, on the engine's thread
  public Completion complete(String prompt, Consumer<String> pieces) {
    return complete(session.encode(prompt), piece -> pieces.accept(StreamDecoder.plain(piece)));
  }

  /// Completes the tokens of one prompt, likewise; pieces have the marks of [StreamDecoder#MARK].
  Completion complete(int[] prompt, Consumer<String> pieces) {
    Lock held = session.hold();
    try {
      session.checkPrompt(prompt);
      return ask(prompt, attachment(), 0, pieces).await();
    } finally {
      held.unlock();
    }
  }

  /// Completes many prompts side by side. The first failure, also one thrown by `done`, stops all
  /// within a step; so does an interrupt of this thread, which is interrupted again.
  ///
  /// @param done receives each completion with its index, in order, on this thread; the index is
  ///     that of the prompt times `n`, plus that among the prompt's; no call follows one that
  ///     throws
  /// @throws RunException if an interrupt left prompts without a completion
  public void complete(List<String> prompts, ObjIntConsumer<Completion> done) {
    List<int[]> ids = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      try {
        ids.add(session.encode(prompts.get(i)));
      } catch (InputException e) {
        throw of(i, e);
      }
    }
    completeAll(ids, done);
  }

  /// Completes the tokens of many prompts, likewise.
  void completeAll(List<int[]> ids, ObjIntConsumer<Completion> done) {
    Lock held = session.hold();
    ArrayDeque<Pending> asked = new ArrayDeque<>();
    try {
      check(ids);
      NamedAdapters.Attachment attachment = attachment();
      int n = sampling.n();
      int next = 0;
      for (int i = 0; i < ids.size() * n; i++) {
        for (; next < Math.min(ids.size() * n, i + AHEAD); next++) {
          long draws = Sampler.sequence(next / n, next % n);
          asked.add(ask(ids.get(next / n), attachment, draws, piece -> {}));
        }
        Completion completion = asked.removeFirst().await();
        if (Thread.currentThread().isInterrupted()) {
          throw new RunException(
              "interrupted: %d of %d prompts are completed".formatted(i / n, ids.size()));
        }
        done.accept(completion, i);
      }
    } finally {
      try {
        asked.forEach(a -> a.ticket.cancel());
        asked.forEach(Pending::end);
      } finally {
        held.unlock();
      }
    }
  }

  private void check(List<int[]> ids) {
    for (int i = 0; i < ids.size(); i++) {
      try {
        session.checkPrompt(ids.get(i));
        positions(ids.get(i));
      } catch (InputException e) {
        throw of(i, e);
      }
    }
  }

  private static InputException of(int prompt, InputException e) {
    return new InputException("prompt " + prompt + ": " + e.getMessage(), e);
  }

  /// Tokens that a prompt's sequence may grow to.
  private int positions(int[] prompt) {
    return positions(prompt.length, session.maxLength(), sampling);
  }

  /// Tokens that the sequence of a prompt may grow to.
  ///
  /// @param most of `--max-length`
  /// @throws InputException where the prompt leaves none for an answer
  static int positions(int prompt, int most, SamplingSettings sampling) {
    if (prompt >= most) {
      throw new InputException(
          "the prompt has "
              + Count.of(prompt, "token")
              + ", which leaves none of --max-length "
              + most
              + " for an answer; shorten it or raise --max-length");
    }
    return (int) Math.min(most, (long) prompt + sampling.maxTokens());
  }

  private NamedAdapters.Attachment attachment() {
    return session.adapters().attachment(session.adapter());
  }

  /// Asks the engine for a completion; whoever calls holds the session.
  ///
  /// @param attachment the adapter that answers
  /// @param draws number of the sequence, for its draws
  Pending ask(
      int[] prompt, NamedAdapters.Attachment attachment, long draws, Consumer<String> pieces) {
    Engine engine = session.engine();
    int positions = positions(prompt);
    SamplingCaller caller =
        new SamplingCaller(
            session.tokenizer(),
            ends,
            session.room(),
            sampling,
            prompt,
            positions,
            draws,
            constraint) {
          @Override
          void piece(String text) {
            pieces.accept(text);
          }
        };
    return new Pending(
        engine.submit(SequenceRequest.of(prompt, positions, attachment), caller), caller.answer);
  }
}
