package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.SequenceRequest;
import dev.nudge.engine.Ticket;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Tensor;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.Lock;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// Computes log-likelihoods of continuations, such as the choices of a multiple-choice question. A
/// context that several items share is prefilled once, and items that differ only in their last
/// token are scored together.
///
/// Threading: any thread.
public final class Likelihoods {
  private static final int AHEAD = 128; // sequences asked for before they are waited for
  private static final int BRANCHES = 64; // of a sequence, which reads them one after the other

  private Likelihoods() {}

  /// A sequence to score.
  ///
  /// @param ids all token ids, context and continuation
  /// @param from index of the first scored token, at least 1
  public record Item(int[] ids, int from) {
    public Item {
      if (from < 1 || from >= ids.length) {
        throw new IllegalArgumentException("of %d tokens from %d".formatted(ids.length, from));
      }
    }
  }

  /// The log-likelihood of one item.
  ///
  /// @param logprob sum over the scored tokens, natural log
  /// @param greedy whether each scored token is the likeliest one
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

    /// Adds the log-probability of the token at an index.
    void token(int i, Logits logits, double normaliser, int likeliest) {
      logprob += logits.at(tokens[i]) - normaliser;
      greedy &= tokens[i] == likeliest;
    }

    /// Scores the last token of each item, by the logits before it.
    void end(Logits logits, double normaliser, int likeliest) {
      for (int id : last) {
        double sum = logprob + (logits.at(id) - normaliser);
        scores.add(new Score(sum, greedy && id == likeliest));
      }
    }

    void tell(ObjIntConsumer<Score> told) {
      for (int i = 0; i < scores.size(); i++) {
        told.accept(scores.get(i), items.get(i));
      }
    }
  }

  /// What the engine says: the scores of a branch are known, or all that was asked at once has
  /// ended.
  ///
  /// @param branch null: all has ended
  private record Known(ContextCaller of, @Nullable Branch branch) {}

  /// A context, and what is asked behind it: in branches, or, where tokens are turned by the length
  /// of their text, one text from its beginning.
  private static final class ContextCaller implements Caller {
    private final int[] context;
    private final boolean whole;
    private final Logits logits; // the session's, of one call
    private final Queue<Known> known;
    private final Map<IntBuffer, Branch> all = new LinkedHashMap<>();
    private List<Branch> read = List.of(); // those with tokens
    private int at = -1; // in `read`

    ContextCaller(int[] context, boolean whole, Logits logits, Queue<Known> known) {
      this.context = context;
      this.whole = whole;
      this.logits = logits;
      this.known = known;
    }

    /// Whether there is capacity for another item behind this context.
    boolean takes(int[] tokens) {
      return all.size() < (whole ? 1 : BRANCHES) || all.containsKey(IntBuffer.wrap(tokens));
    }

    void add(int number, Item item, int[] tokens) {
      all.computeIfAbsent(IntBuffer.wrap(tokens), key -> new Branch(tokens)).add(number, item);
    }

    SequenceRequest ask(NamedAdapters.Attachment attachment) {
      if (whole) {
        int[] tokens = all.values().iterator().next().tokens;
        int[] text = Arrays.copyOf(context, context.length + tokens.length);
        System.arraycopy(tokens, 0, text, context.length, tokens.length);
        read = List.copyOf(all.values());
        at = 0;
        return SequenceRequest.likelihood(text, attachment, context.length - 1);
      }
      read = all.values().stream().filter(branch -> branch.tokens.length > 0).toList();
      int longest = read.stream().mapToInt(branch -> branch.tokens.length).max().orElse(0);
      return SequenceRequest.branches(context, attachment, longest);
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
        end(read.get(at), normaliser, likeliest);
      } else {
        for (Branch branch : all.values()) {
          if (branch.tokens.length > 0) {
            branch.token(0, logits, normaliser, likeliest);
          } else {
            end(branch, normaliser, likeliest);
          }
        }
      }
      return ++at < read.size() ? BRANCH : END;
    }

    private void end(Branch branch, double normaliser, int likeliest) {
      branch.end(logits, normaliser, likeliest);
      known.add(new Known(this, branch));
    }

    @Override
    public void ended(@Nullable Throwable failure) {
      known.add(new Known(this, null));
    }
  }

  /// Scores items.
  ///
  /// @param adapter name of the adapter; null: the base model
  /// @param told receives each score with the index of its item, on this thread
  /// @throws RunException if an interrupt of this thread left items that were not scored
  public static void of(
      Session session, @Nullable String adapter, List<Item> items, ObjIntConsumer<Score> told) {
    Lock held = session.hold();
    Map<ContextCaller, Ticket> tickets = new HashMap<>();
    BlockingQueue<Known> known = new LinkedBlockingQueue<>();
    try {
      items.forEach(item -> session.config().checkTokens(item.ids));
      Iterator<ContextCaller> rest = asked(items, session, known).iterator();
      Engine engine = session.engine();
      NamedAdapters.Attachment attachment = session.adapters().attachment(adapter);
      while (rest.hasNext() || !tickets.isEmpty()) {
        while (rest.hasNext() && tickets.size() < AHEAD) {
          ContextCaller next = rest.next();
          tickets.put(next, engine.submit(next.ask(attachment), next));
        }
        Known one = known.take();
        if (one.branch == null) {
          Objects.requireNonNull(tickets.remove(one.of)).await();
        } else {
          one.branch.tell(told);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      for (Known one : known) {
        if (one.branch != null) {
          one.branch.tell(told);
        }
      }
      throw new RunException("interrupted: some texts are not scored");
    } finally {
      tickets.values().forEach(Ticket::cancel);
      held.unlock();
    }
  }

  private static List<ContextCaller> asked(List<Item> items, Session session, Queue<Known> known) {
    Logits logits = session.room().logits();
    Map<Map.Entry<Boolean, IntBuffer>, ContextCaller> latest = new HashMap<>();
    List<ContextCaller> all = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Item item = items.get(i);
      int[] context = Arrays.copyOf(item.ids, item.from);
      int[] tokens = Arrays.copyOfRange(item.ids, item.from, item.ids.length - 1);
      boolean whole = session.config().turnsAnew(1, item.ids.length - 1);
      Map.Entry<Boolean, IntBuffer> key = Map.entry(whole, IntBuffer.wrap(context));
      ContextCaller one = latest.get(key);
      if (one == null || !one.takes(tokens)) {
        one = new ContextCaller(context, whole, logits, known);
        latest.put(key, one);
        all.add(one);
      }
      one.add(i, item, tokens);
    }
    return all;
  }
}
