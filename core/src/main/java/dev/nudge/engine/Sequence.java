package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.nn.KvCache;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A sequence of the engine: its tokens, and how many of them its KV cache holds.
///
/// Threading: confined to the engine's thread, once it has it.
final class Sequence {
  final SequenceRequest ask;
  final Ticket ticket;
  final NamedAdapters.Attachment attachment;
  final int prompt;
  final int positions;
  final Drafts drafts;
  private final Caller caller;
  private final Consumer<Sequence> left;
  private int[] ids;
  private int count;
  private @Nullable KvCache cache;
  private WaitingQueue.@Nullable Client client; // null: nobody in particular
  private int told; // the place whose logits are told next
  private int untold; // the first place behind them: in the prompt, or in a branch
  private boolean admitted;
  private boolean done;
  private @Nullable Throwable failure;

  /// @param left told when it has ended
  Sequence(
      SequenceRequest ask,
      boolean speculate,
      Caller caller,
      Ticket ticket,
      Consumer<Sequence> left) {
    this.ask = ask;
    this.ids = ask.prompt().clone();
    this.count = ids.length;
    this.prompt = count;
    this.positions = ask.positions();
    this.attachment = ask.attachment();
    this.drafts = new Drafts(speculate);
    this.caller = caller;
    this.ticket = ticket;
    this.left = left;
    this.told = ask.toldFrom();
    this.untold = prompt - 1;
  }

  /// Whose sequence it is.
  void of(WaitingQueue.Client whose) {
    client = whose;
  }

  WaitingQueue.Client client() {
    return Objects.requireNonNull(client, "a sequence that never waited");
  }

  /// Tokens that were read or said for its client.
  double served() {
    return client == null ? 0 : client.served();
  }

  /// Counts tokens that were read or said for it.
  void charge(int tokens) {
    if (client != null) {
      client.charge(tokens);
    }
  }

  KvCache cache() {
    if (cache == null) {
      throw new IllegalStateException("a sequence that was not admitted");
    }
    return cache;
  }

  void start(KvCache with) {
    cache = with;
    cache.snapshotsUpTo(prompt - 1);
    admitted = true;
  }

  /// Whether it had room.
  boolean admitted() {
    return admitted;
  }

  int[] ids() {
    return ids;
  }

  int count() {
    return count;
  }

  /// Whether its prompt, a branch, or all of it has still to be read.
  boolean reads() {
    return branched() || unread() > 1 || cache().length() < prompt;
  }

  /// Whether it reads branches behind its prompt.
  boolean branched() {
    return untold >= prompt;
  }

  /// Tokens that its cache does not hold yet.
  int unread() {
    return count - cache().length();
  }

  /// Whether logits behind some of so many tokens are told.
  boolean hears(int from, int tokens) {
    return Math.max(told, from) < Math.min(untold, from + tokens);
  }

  /// Tokens from a place on whose logits are not told.
  int silent(int from) {
    return Math.max(0, told - from);
  }

  /// Tells its caller the logits behind a token of the prompt or of a branch, once.
  void read(Tensor logits, int row, int place) {
    if (place == told && place < untold && !done()) {
      told++;
      try {
        caller.read(logits, row, ids, place);
      } catch (RuntimeException | Error e) {
        fail(e);
      }
    }
  }

  /// Asks for the next token.
  ///
  /// @return whether the sequence goes on
  boolean next(Tensor logits, int row) {
    int id = caller.next(logits, row, ids, count);
    if (id == Caller.BRANCH) {
      branch(caller.branch());
      return false;
    }
    ticket.token();
    if (id == Caller.END) {
      done = true;
      return false;
    }
    if (count == ids.length) {
      ids = Arrays.copyOf(ids, Math.min(positions + 1, count + count / 2 + 64));
    }
    ids[count++] = id;
    done = count >= positions;
    return !done;
  }

  private void branch(int[] tokens) {
    if (tokens.length == 0 || tokens.length > positions - prompt) {
      throw new IllegalArgumentException(
          "a branch of %d tokens behind %d, of %d positions"
              .formatted(tokens.length, prompt, positions));
    }
    cache().cut(prompt);
    ids = Arrays.copyOf(ids, Math.max(ids.length, prompt + tokens.length));
    System.arraycopy(tokens, 0, ids, prompt, tokens.length);
    count = prompt + tokens.length;
    told = prompt;
    untold = count - 1;
  }

  /// Ends it with the next step; what it failed with is told then.
  void fail(Throwable cause) {
    failure = cause;
    done = true;
  }

  @Nullable Throwable failure() {
    return failure;
  }

  boolean done() {
    return done || ticket.cancelled();
  }

  void end(@Nullable Throwable cause) {
    done = true;
    if (cache != null) {
      cache.close();
      cache = null;
    }
    ids = new int[0];
    if (client != null) {
      client.leave();
      client = null;
    }
    tell(cause);
  }

  private void tell(@Nullable Throwable cause) {
    if (ticket.ended()) {
      return;
    }
    left.accept(this);
    Throwable failed = cause;
    try {
      caller.ended(cause);
    } catch (RuntimeException | Error e) {
      failed = cause == null ? e : cause;
    }
    ticket.end(failed);
  }
}
