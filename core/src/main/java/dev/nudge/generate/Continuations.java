package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.SequenceRequest;
import dev.nudge.engine.Ticket;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.Tokenizer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// Continues prompts exactly as lm-evaluation-harness does with transformers: an answer ends at an
/// end token, at its maximum length, or once its last few tokens decode to a stop text; its text is
/// the decoded whole without the decoded prompt, cut at each stop text.
///
/// [Generation] differs: its text is what an answer adds to the prompt, which for some tokenizers
/// begins with a blank that the text alone lacks.
///
/// Threading: any thread.
public final class Continuations {
  private static final int AHEAD = 128; // sequences asked for before they are waited for
  private static final int LOOK_BACK = 2; // tokens more than a stop text has

  private Continuations() {}

  /// A prompt and how it is continued.
  ///
  /// @param sampling only temperature, topP, topK and seed count
  /// @param draws number of the sequence, which selects its random numbers
  public record Prompt(
      int[] ids, List<String> stops, int maxTokens, SamplingSettings sampling, long draws) {}

  /// A continuation.
  ///
  /// @param tokens number of tokens generated for it
  public record Continuation(String text, int tokens) {}

  /// Continues prompts.
  ///
  /// @param adapter name of the adapter; null: the base model
  /// @param told receives each text with the index of its prompt, in order, on this thread
  /// @throws RunException if an interrupt of this thread left prompts that were not continued
  public static void of(
      Session session,
      @Nullable String adapter,
      List<Prompt> prompts,
      ObjIntConsumer<Continuation> told) {
    Lock held = session.hold();
    ArrayDeque<Ticket> tickets = new ArrayDeque<>();
    List<Answered> answers = new ArrayList<>();
    try {
      prompts.forEach(prompt -> session.checkPrompt(prompt.ids));
      List<Integer> ends = Decoding.ends(session.config(), null);
      Engine engine = session.engine();
      NamedAdapters.Attachment attachment = session.adapters().attachment(adapter);
      for (int i = 0; i < prompts.size(); i++) {
        for (; answers.size() < Math.min(prompts.size(), i + AHEAD); ) {
          Prompt prompt = prompts.get(answers.size());
          Answered answer = new Answered(session, prompt, ends);
          answers.add(answer);
          int positions = prompt.ids.length + prompt.maxTokens;
          tickets.add(
              engine.submit(
                  SequenceRequest.of(prompt.ids, positions, attachment).patiently(), answer));
        }
        tickets.removeFirst().await();
        if (Thread.currentThread().isInterrupted()) {
          throw new RunException("interrupted: some prompts are not continued");
        }
        told.accept(answers.get(i).said(), i);
      }
    } finally {
      tickets.forEach(Ticket::cancel);
      held.unlock();
    }
  }

  /// Chooses the tokens of one answer.
  private static final class Answered implements Caller {
    private final Tokenizer tokenizer;
    private final Prompt prompt;
    private final List<Integer> ends;
    private final Sampler sampler;
    private final int[] backs; // tokens that each stop text is looked for in
    private int[] said = {};

    Answered(Session session, Prompt prompt, List<Integer> ends) {
      this.tokenizer = session.tokenizer();
      this.prompt = prompt;
      this.ends = ends;
      this.sampler = new Sampler(prompt.sampling, id -> false, session.room());
      this.backs =
          prompt.stops.stream()
              .mapToInt(stop -> tokenizer.ids(stop, false).length + LOOK_BACK)
              .toArray();
    }

    @Override
    public int next(Tensor logits, int row, int[] ids, int count) {
      int start = prompt.ids.length;
      int id = sampler.next(logits, row, ids, start, count, prompt.draws, null);
      said = Arrays.copyOf(said, count - start + 1);
      said[count - start] = id;
      boolean ended = ends.contains(id) || tokenizer.isEnd(id) || said.length == prompt.maxTokens;
      return ended || stopped() ? END : id;
    }

    private boolean stopped() {
      for (int i = 0; i < backs.length; i++) {
        int from = Math.max(0, said.length - backs[i]);
        String stop = prompt.stops.get(i);
        int[] lately = Arrays.copyOfRange(said, from, said.length);
        if (tokenizer.decode(lately, false).contains(stop)) {
          return true;
        }
      }
      return false;
    }

    Continuation said() {
      return new Continuation(text(), said.length);
    }

    private String text() {
      String text = tokenizer.decode(said, true);
      for (String stop : prompt.stops) {
        int at = stop.isEmpty() ? -1 : text.indexOf(stop);
        text = at < 0 ? text : text.substring(0, at);
      }
      return text;
    }
  }
}
