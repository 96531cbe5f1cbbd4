package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Ask;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Ticket;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Tensor;
import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// Says how likely a model finds tokens behind others, by the engine of a session, so that what
/// several have in common is read once: choices of one question share the keys of its full blocks,
/// and those that differ in their last token alone are one pass.
///
/// Threading: any thread.
public final class Likelihoods {
  private static final int AHEAD = 128; // sequences asked for before they are waited for

  private Likelihoods() {}

  /// What is asked.
  ///
  /// @param ids all tokens
  /// @param from place of the first token that is scored, at least 1
  @SuppressWarnings("ArrayRecordComponent")
  public record Item(int[] ids, int from) {
    public Item {
      if (from < 1 || from >= ids.length) {
        throw new IllegalArgumentException("of %d tokens from %d".formatted(ids.length, from));
      }
    }
  }

  /// What was found.
  ///
  /// @param logprob sum over the scored tokens, natural log
  /// @param greedy whether each of them is the likeliest one
  public record Score(double logprob, boolean greedy) {}

  /// Items that differ in their last token alone.
  private static final class Asked implements Caller {
    final int[] prompt;
    final List<Integer> items = new ArrayList<>();
    private final Logits logits; // the session's, of one call
    private int from = Ask.NOTHING;
    private double[] logprobs = {}; // of the tokens of the prompt from `from` + 1 on
    private boolean[] best = {};
    private final List<Integer> last = new ArrayList<>(); // of each item
    private final List<Double> lastLogprobs = new ArrayList<>();
    private final List<Boolean> lastBest = new ArrayList<>();

    Asked(int[] prompt, Logits logits) {
      this.prompt = prompt;
      this.logits = logits;
    }

    void add(int number, Item item) {
      items.add(number);
      from = Math.min(from, item.from - 1);
      last.add(item.ids[item.ids.length - 1]);
    }

    Ask ask(NamedAdapters.Way way) {
      logprobs = new double[prompt.length];
      best = new boolean[prompt.length];
      return Ask.likelihood(prompt, way, from);
    }

    @Override
    public void read(Tensor rows, int row, int[] ids, int place) {
      logits.read(rows, row);
      logprobs[place] = logits.at(ids[place + 1]) - logits.normaliser();
      best[place] = logits.argmax() == ids[place + 1];
    }

    @Override
    public int next(Tensor rows, int row, int[] ids, int count) {
      logits.read(rows, row);
      double normaliser = logits.normaliser();
      int likeliest = logits.argmax();
      for (int id : last) {
        lastLogprobs.add(logits.at(id) - normaliser);
        lastBest.add(id == likeliest);
      }
      return END;
    }

    Score score(int which, Item item) {
      double sum = 0;
      boolean greedy = true;
      for (int place = item.from - 1; place < prompt.length - 1; place++) {
        sum += logprobs[place];
        greedy &= best[place];
      }
      return new Score(sum + lastLogprobs.get(which), greedy && lastBest.get(which));
    }
  }

  /// Scores items.
  ///
  /// @param adapter the name of its adapter; null: the base
  /// @param told each score with the number of its item, as they come, by this thread
  /// @throws RunException where an interrupt of this thread left items that were not scored
  public static void of(
      Session session, @Nullable String adapter, List<Item> items, ObjIntConsumer<Score> told) {
    Lock held = session.hold();
    ArrayDeque<Ticket> tickets = new ArrayDeque<>();
    try {
      items.forEach(item -> session.config().checkTokens(item.ids));
      List<Asked> all = asked(items, session.room().logits());
      Engine engine = session.engine();
      NamedAdapters.Way way = session.adapters().way(adapter);
      int next = 0;
      for (int i = 0; i < all.size(); i++) {
        for (; next < Math.min(all.size(), i + AHEAD); next++) {
          Asked one = all.get(next);
          tickets.add(engine.submit(one.ask(way), one));
        }
        tickets.removeFirst().await();
        if (Thread.currentThread().isInterrupted()) {
          throw new RunException("interrupted: some texts are not scored");
        }
        Asked done = all.get(i);
        for (int j = 0; j < done.items.size(); j++) {
          int number = done.items.get(j);
          told.accept(done.score(j, items.get(number)), number);
        }
      }
    } finally {
      tickets.forEach(Ticket::cancel);
      held.unlock();
    }
  }

  private static List<Asked> asked(List<Item> items, Logits logits) {
    Map<IntBuffer, Asked> all = new LinkedHashMap<>();
    for (int i = 0; i < items.size(); i++) {
      Item item = items.get(i);
      int[] prompt = Arrays.copyOf(item.ids, item.ids.length - 1);
      all.computeIfAbsent(IntBuffer.wrap(prompt), key -> new Asked(prompt, logits)).add(i, item);
    }
    return List.copyOf(all.values());
  }
}
