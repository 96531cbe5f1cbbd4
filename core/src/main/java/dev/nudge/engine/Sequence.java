package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.nn.KvCache;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A sequence that grows: its tokens, and how many of them its cache holds.
///
/// Threading: confined to the engine's thread, once it has it.
final class Sequence {
  final Ticket ticket;
  final NamedAdapters.Way way;
  final int prompt;
  final int positions;
  final Drafts drafts;
  private final Caller caller;
  private int[] ids;
  private int count;
  private @Nullable KvCache cache;
  private boolean done;
  private @Nullable Throwable failure;

  Sequence(
      int[] prompt,
      int positions,
      NamedAdapters.Way way,
      boolean speculate,
      Caller caller,
      Ticket ticket) {
    this.ids = prompt.clone();
    this.count = prompt.length;
    this.prompt = prompt.length;
    this.positions = positions;
    this.way = way;
    this.drafts = new Drafts(speculate);
    this.caller = caller;
    this.ticket = ticket;
  }

  KvCache cache() {
    if (cache == null) {
      throw new IllegalStateException("a sequence that was not admitted");
    }
    return cache;
  }

  void start(KvCache with) {
    cache = with;
  }

  int[] ids() {
    return ids;
  }

  int count() {
    return count;
  }

  /// Whether its prompt, or all of it, has still to be read.
  boolean reads() {
    return count - cache().length() > 1 || cache().length() < prompt;
  }

  /// Asks for the next token.
  ///
  /// @return whether the sequence goes on
  boolean next(Tensor logits, int row) {
    int id = caller.next(logits, row, ids, count);
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
    ticket.end(cause);
  }
}
