package dev.nudge.generate;

import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.SamplingSettings;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.ObjIntConsumer;

/// Completes prompts: one as a stream of text, or many in batches.
public final class Generation {
  private static final int GROUP = 16; // sequences that a lane decodes side by side

  private final Session session;
  private final SamplingSettings sampling;
  private final int threads;

  /// @param threads processor threads to use
  public Generation(Session session, SamplingSettings sampling, int threads) {
    this.session = session;
    this.sampling = sampling;
    this.threads = threads;
  }

  /// Completes one prompt on all threads. An interrupt of this thread ends it within a token: the
  /// completion is what there is, and the thread is interrupted again.
  ///
  /// @param pieces told text as it comes, whole characters only
  public Completion complete(String prompt, Consumer<String> pieces) {
    Lock held = session.hold();
    try {
      return one(prompt, pieces);
    } finally {
      held.unlock();
    }
  }

  private Completion one(String prompt, Consumer<String> pieces) {
    int[] ids = session.encode(prompt);
    int positions = positions(ids);
    session.model().reserve(positions);
    Steps steps = new Steps(n -> {});
    try (Lanes lanes = new Lanes(1)) {
      return lanes
          .run(
              lane -> {
                try (Workspace ws = workspace(lane, ids.length, 1, positions, threads)) {
                  Answer answer =
                      decode(List.of(ids), 0, pieces, (c, i) -> {}, steps, ws).getFirst();
                  answer.interrupt(); // if it has not ended
                  return answer.completion();
                }
              },
              steps::stop)
          .getFirst();
    }
  }

  /// Completes many prompts, several lanes side by side. The first failure, one of `done` as well,
  /// stops all of them within a token; so does an interrupt of this thread, which is interrupted
  /// again.
  ///
  /// @param lanes lanes to use
  /// @param done told each completion with the place of its prompt, in order; once it threw,
  ///     nothing more
  /// @throws RunException where an interrupt left prompts that were not completed
  public void complete(List<String> prompts, int lanes, ObjIntConsumer<Completion> done) {
    complete(prompts, lanes, done, sequences -> {});
  }

  /// Completes many prompts, and tells the number of sequences before each step.
  ///
  /// @param each told by lanes, before each step, of how many sequences it is
  void complete(
      List<String> prompts, int lanes, ObjIntConsumer<Completion> done, IntConsumer each) {
    Lock held = session.hold();
    try {
      many(prompts, lanes, done, new Steps(each));
    } finally {
      held.unlock();
    }
  }

  private void many(List<String> prompts, int lanes, ObjIntConsumer<Completion> done, Steps steps) {
    List<int[]> ids = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      try {
        ids.add(session.encode(prompts.get(i)));
        positions(ids.getLast());
      } catch (InputException e) {
        throw new InputException("prompt " + i + ": " + e.getMessage(), e);
      }
    }
    session.model().reserve(ids.stream().mapToInt(this::positions).max().orElse(1));
    int groups = Math.ceilDiv(ids.size(), GROUP);
    int used = Math.clamp(Math.min(lanes, groups), 1, threads);
    InOrder order = new InOrder(done, steps);
    try (Lanes team = new Lanes(used)) {
      team.run(
          lane -> {
            try (Workspace ws = workspace(lane, ids, threads / used)) {
              for (int g = lane; g < groups && !steps.stopped(); g += used) {
                int from = g * GROUP;
                List<int[]> group = ids.subList(from, Math.min(ids.size(), from + GROUP));
                decode(group, from, piece -> {}, (c, i) -> order.put(c, from + i), steps, ws);
              }
              return lane;
            } catch (RuntimeException | Error e) {
              steps.stop();
              throw e;
            }
          },
          steps::stop);
    }
    if (order.told() < prompts.size()) {
      throw new RunException(
          "interrupted: %d of %d prompts are completed".formatted(order.told(), prompts.size()));
    }
  }

  private Workspace workspace(int lane, List<int[]> prompts, int threads) {
    int tokens = 1;
    for (int from = 0; from < prompts.size(); from += GROUP) {
      List<int[]> group = prompts.subList(from, Math.min(prompts.size(), from + GROUP));
      tokens = Math.max(tokens, group.stream().mapToInt(p -> p.length).sum());
    }
    int positions = prompts.stream().mapToInt(this::positions).max().orElse(1);
    return workspace(lane, tokens, Math.min(GROUP, prompts.size()), positions, threads);
  }

  private Workspace workspace(int lane, int tokens, int sequences, int positions, int threads) {
    boolean again = session.model().config().turnsAnew(1, positions);
    int fed = again ? sequences * positions : Math.max(tokens, sequences);
    return new Workspace(
        lane,
        session.model().nextBytes(fed, sequences, positions),
        session.backend().gemms().apply(threads));
  }

  /// Tokens that a prompt's sequence may grow to.
  private int positions(int[] prompt) {
    int most = session.maxLength();
    if (prompt.length >= most) {
      throw new InputException(
          "the prompt has "
              + Count.of(prompt.length, "token")
              + ", which leaves none of --max-length "
              + most
              + " for an answer; shorten it or raise --max-length");
    }
    return (int) Math.min(most, (long) prompt.length + sampling.maxTokens());
  }

  /// @return the answers in the order of the prompts; of those not done the steps were stopped
  private List<Answer> decode(
      List<int[]> prompts,
      long first,
      Consumer<String> pieces,
      ObjIntConsumer<Completion> done,
      Steps steps,
      Workspace ws) {
    Decoder decoder = new Decoder(session.model(), ws);
    Sampler sampler = new Sampler(sampling);
    List<Decoder.Sequence> running = new ArrayList<>();
    List<Decoder.Sequence> all = new ArrayList<>();
    List<Answer> answers = new ArrayList<>();
    try {
      for (int i = 0; i < prompts.size(); i++) {
        int[] prompt = prompts.get(i);
        int positions = positions(prompt);
        all.add(decoder.open(first + i, prompt, positions));
        answers.add(
            new Answer(
                session.tokenizer(),
                session.config().eosTokenIds(),
                prompt,
                sampling.stop(),
                positions - prompt.length,
                pieces));
      }
      running.addAll(all);
      while (!running.isEmpty() && !steps.stopped()) {
        steps.each.accept(running.size());
        Tensor logits = decoder.step(running);
        List<Decoder.Sequence> next = new ArrayList<>();
        for (int row = 0; row < running.size(); row++) {
          Decoder.Sequence s = running.get(row);
          int id = sampler.next(logits, row, s.ids, s.count, s.number);
          int place = (int) (s.number - first);
          if (answers.get(place).push(id)) {
            s.add(id);
            next.add(s);
          } else {
            done.accept(answers.get(place).completion(), place);
          }
        }
        running = next;
      }
      return answers;
    } finally {
      all.forEach(Decoder.Sequence::close);
    }
  }

  /// Stops the steps of all lanes if one lane fails or the caller is interrupted.
  ///
  /// Threading: lanes and the caller call.
  private static final class Steps {
    private final IntConsumer each;
    private final AtomicBoolean stopped = new AtomicBoolean();

    Steps(IntConsumer each) {
      this.each = each;
    }

    boolean stopped() {
      return stopped.get();
    }

    void stop() {
      stopped.set(true);
    }
  }

  /// Tells completions in the order of their prompts, whenever they come.
  ///
  /// Threading: lanes call; one tells at a time.
  private static final class InOrder {
    private final ObjIntConsumer<Completion> done;
    private final Steps steps;
    private final java.util.TreeMap<Integer, Completion> waiting = new java.util.TreeMap<>();
    private int next;

    InOrder(ObjIntConsumer<Completion> done, Steps steps) {
      this.done = done;
      this.steps = steps;
    }

    synchronized void put(Completion completion, int place) {
      if (steps.stopped()) {
        return; // a reader that failed once would say something else now
      }
      waiting.put(place, completion);
      try {
        tell();
      } catch (RuntimeException | Error e) {
        steps.stop();
        throw e;
      }
    }

    /// How many were told.
    synchronized int told() {
      return next;
    }

    private void tell() {
      Completion c = waiting.remove(next);
      while (c != null) {
        done.accept(c, next++);
        c = waiting.remove(next);
      }
    }
  }
}
