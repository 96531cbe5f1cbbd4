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
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// Says how likely a model finds tokens behind others, by the engine of a session, so that what
/// several have in common is read once: choices of one question are read behind its keys, and those
/// that differ in their last token alone are read together.
///
/// Threading: any thread.
public final class Likelihoods {
  private static final int AHEAD = 128; // sequences asked for before they are waited for
  private static final int BRANCHES = 64; // of a sequence: answers are told when it has ended

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

  /// Tokens behind a context, with the items that differ in one more token alone.
  private static final class Branch {
    final int[] tokens;
    final List<Integer> items = new ArrayList<>();
    private final List<Integer> last = new ArrayList<>(); // of each item
    private final List<Score> scores = new ArrayList<>(); // likewise
    private double logprob; // of the tokens
    private boolean greedy = true;

    Branch(int[] tokens) {
      this.tokens = tokens;
    }

    void add(int number, Item item) {
      items.add(number);
      last.add(item.ids[item.ids.length - 1]);
    }

    /// Takes what stands before a token.
    void token(int i, Logits logits, double normaliser, int likeliest) {
      logprob += logits.at(tokens[i]) - normaliser;
      greedy &= tokens[i] == likeliest;
    }

    /// Takes what stands before the last token of each item.
    void end(Logits logits, double normaliser, int likeliest) {
      for (int id : last) {
        double sum = logprob + (logits.at(id) - normaliser);
        scores.add(new Score(sum, greedy && id == likeliest));
      }
    }
  }

  /// A context, and what is asked behind it: in branches, or, where tokens are turned by the length
  /// of their text, one text from its beginning.
  private static final class Asked implements Caller {
    private final int[] context;
    private final boolean whole;
    private final Logits logits; // the session's, of one call
    private final Map<IntBuffer, Branch> all = new LinkedHashMap<>();
    private List<Branch> read = List.of(); // those with tokens
    private int at = -1; // in `read`

    Asked(int[] context, boolean whole, Logits logits) {
      this.context = context;
      this.whole = whole;
      this.logits = logits;
    }

    /// Whether another item may come behind the same context.
    boolean takes(int[] tokens) {
      return all.size() < (whole ? 1 : BRANCHES) || all.containsKey(IntBuffer.wrap(tokens));
    }

    void add(int number, Item item, int[] tokens) {
      all.computeIfAbsent(IntBuffer.wrap(tokens), key -> new Branch(tokens)).add(number, item);
    }

    Ask ask(NamedAdapters.Way way) {
      if (whole) {
        int[] tokens = all.values().iterator().next().tokens;
        int[] text = Arrays.copyOf(context, context.length + tokens.length);
        System.arraycopy(tokens, 0, text, context.length, tokens.length);
        read = List.copyOf(all.values());
        at = 0;
        return Ask.likelihood(text, way, context.length - 1);
      }
      read = all.values().stream().filter(branch -> branch.tokens.length > 0).toList();
      int longest = read.stream().mapToInt(branch -> branch.tokens.length).max().orElse(0);
      return Ask.branches(context, way, longest);
    }

    @Override
    public int[] branch() {
      return read.get(at).tokens;
    }

    @Override
    public void read(Tensor rows, int row, int[] ids, int place) {
      logits.read(rows, row);
      read.get(at).token(place + 1 - context.length, logits, logits.normaliser(), logits.argmax());
    }

    @Override
    public int next(Tensor rows, int row, int[] ids, int count) {
      logits.read(rows, row);
      double normaliser = logits.normaliser();
      int likeliest = logits.argmax();
      if (at >= 0) {
        read.get(at).end(logits, normaliser, likeliest);
      } else {
        for (Branch branch : all.values()) {
          if (branch.tokens.length > 0) {
            branch.token(0, logits, normaliser, likeliest);
          } else {
            branch.end(logits, normaliser, likeliest);
          }
        }
      }
      return ++at < read.size() ? BRANCH : END;
    }

    void tell(ObjIntConsumer<Score> told) {
      for (Branch branch : all.values()) {
        for (int i = 0; i < branch.items.size(); i++) {
          told.accept(branch.scores.get(i), branch.items.get(i));
        }
      }
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
      List<Asked> all = asked(items, session);
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
        all.get(i).tell(told);
      }
    } finally {
      tickets.forEach(Ticket::cancel);
      held.unlock();
    }
  }

  private static List<Asked> asked(List<Item> items, Session session) {
    Logits logits = session.room().logits();
    Map<Map.Entry<Boolean, IntBuffer>, Asked> latest = new HashMap<>();
    List<Asked> all = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Item item = items.get(i);
      int[] context = Arrays.copyOf(item.ids, item.from);
      int[] tokens = Arrays.copyOfRange(item.ids, item.from, item.ids.length - 1);
      boolean whole = session.config().turnsAnew(1, item.ids.length - 1);
      Map.Entry<Boolean, IntBuffer> key = Map.entry(whole, IntBuffer.wrap(context));
      Asked one = latest.get(key);
      if (one == null || !one.takes(tokens)) {
        one = new Asked(context, whole, logits);
        latest.put(key, one);
        all.add(one);
      }
      one.add(i, item, tokens);
    }
    return all;
  }
}
