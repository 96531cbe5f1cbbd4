package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.model.CausalLm;
import dev.nudge.nn.KvPool;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Admits sequences, scoring jobs and texts to embed as far as the engine's memory goes.
///
/// Scoring and embedding use spare memory first, then KV cache memory that no sequence uses. Work
/// that was admitted keeps its memory; work that does not fit beside it waits, and work that could
/// never fit is refused.
///
/// Threading: confined to the engine's thread.
final class Admission implements AutoCloseable {
  private final CausalLm model;
  private final NamedAdapters adapters;
  private final Runnable admitted;
  private final StepWorkspace room;
  private final ScoreRoom scoreRoom;
  private final Supplier<Limits> limits;
  private final int sequences;
  private final long sequenceStates; // bytes
  private final BooleanSupplier roomy;
  private @Nullable KvPool pool;
  private @Nullable PrefixCache kept;
  private boolean more; // sequences wait for room
  private int holders; // sequences that run

  /// @param limits of which the memory of keys may change
  /// @param admitted run for each sequence that gets room
  /// @param roomy whether keys that are kept may take memory of their own
  Admission(
      CausalLm model,
      NamedAdapters adapters,
      Supplier<Limits> limits,
      Runnable admitted,
      BooleanSupplier roomy) {
    Limits first = limits.get();
    this.limits = limits;
    this.roomy = roomy;
    this.admitted = admitted;
    this.model = model;
    this.adapters = adapters;
    this.room = new StepWorkspace(model, first);
    this.scoreRoom = new ScoreRoom(model, first.threads());
    this.sequences = first.sequences();
    this.sequenceStates = model.sequenceStateBytes();
  }

  /// Whether sequences wait for room.
  boolean more() {
    return more;
  }

  /// The room of steps.
  StepWorkspace room() {
    return room;
  }

  /// Drops the keys of an adapter that is gone.
  void forget(NamedAdapters.Attachment attachment) {
    if (kept != null) {
      kept.forget(attachment);
    }
  }

  /// The keys of prompts that were read.
  PrefixCache kept() {
    return Objects.requireNonNull(kept, "no sequence was admitted");
  }

  /// Bytes of keys that steps of adapters leave.
  private long keyBytes() {
    return limits.get().keyBytes() - room.over();
  }

  /// Blocks that sequences may have beside what rows have taken that are scored.
  private int blocks() {
    long taken = Math.max(0, scoreRoom.bytes() - limits.get().spareBytes());
    return Limits.blocks(keyBytes() - taken - stateBytes(), model);
  }

  /// Bytes of the states of sequences and kept prefixes, and of the next sequence's. While it reads
  /// a sequence has three: its own, a snapshot, and the next one.
  private long stateBytes() {
    return sequenceStates
        + Math.max(pool == null ? 0 : pool.stateBytes(), holders * sequenceStates * 3 / 2);
  }

  /// Bytes that rows or a text may take beside sequences that have so many blocks, those among them
  /// that rows have.
  private long beside(int blocks) {
    int held = Math.max(blocks, pool == null ? 0 : pool.held());
    long keys = held * model.keyValueBytes(Limits.BLOCK) + (held == 0 ? 0 : stateBytes());
    return keyBytes() + limits.get().spareBytes() - keys;
  }

  /// Blocks that sequences may grow to.
  private static int taken(List<Sequence> running) {
    return running.stream().mapToInt(s -> Limits.blocks(s.positions)).sum();
  }

  /// Gives the pool what there is for it: at least what it has and running sequences may want.
  private int settle(List<Sequence> running) {
    holders = running.size();
    int there = blocks();
    if (pool != null && running.isEmpty() && pool.held() > there) {
      drop();
      there = blocks(); // states had room too
    }
    if (pool != null) {
      pool.limit(Math.max(there, Math.max(pool.held(), taken(running))));
    }
    return there;
  }

  /// Gives the memory of all keys back, while no sequence runs; kept ones are read again.
  private void drop() {
    if (pool != null) {
      pool.close();
      pool = null;
      kept = null;
    }
  }

  /// Lets waiting sequences run, in their turn, as far as keys have room for all that they may
  /// become. One of low priority gives its room up to others.
  ///
  /// @param scoring whether rows are scored that need the room which they have
  void admit(WaitingQueue waiting, List<Sequence> running, boolean scoring) {
    int taken = taken(running);
    while (true) {
      boolean idle = running.stream().allMatch(s -> s.ask.low());
      Sequence s = waiting.peek(idle);
      more = s != null;
      if (s != null && !ensured(s)) { // no memory for it; the others go on
        waiting.take(s);
        continue;
      }
      int blocks = settle(running);
      if (s == null) {
        return;
      }
      int wanted = Limits.blocks(s.positions);
      if (taken + wanted > blocks && !scoring && scoreRoom.bytes() > 0) {
        scoreRoom.close(); // rows are done with it
        continue;
      }
      if (running.size() == sequences || taken + wanted > blocks) {
        if (running.isEmpty() && !scoring && pool != null && pool.stateBytes() > 0) {
          drop(); // states of kept prefixes have its room
          continue;
        }
        if (running.isEmpty() && !scoring) { // adapters have come meanwhile
          waiting.take(s);
          s.end(NoRoomException.of(model, s.positions, blocks));
          continue;
        }
        Sequence low = s.ask.low() ? null : low(running);
        if (low == null) {
          return;
        }
        taken -= Limits.blocks(low.positions);
        running.remove(low);
        gone(low);
        continue;
      }
      waiting.take(s);
      start(s, blocks);
      taken += wanted;
      running.add(s);
    }
  }

  /// Lets nobody in, since something waits for the room of those who run; sequences of low priority
  /// give theirs up.
  void starve(List<Sequence> running) {
    more = false;
    for (Sequence low = low(running); low != null; low = low(running)) {
      running.remove(low);
      gone(low);
    }
  }

  private static void gone(Sequence low) {
    low.end(new BusyException("a low-priority request was preempted; retry", 1));
  }

  private static @Nullable Sequence low(List<Sequence> running) {
    return running.reversed().stream().filter(s -> s.ask.low()).findFirst().orElse(null);
  }

  /// Takes the workspace that a sequence needs; ends it where the system does not give that.
  private boolean ensured(Sequence s) {
    try {
      room.ensure(s.positions, adapters.demands(), this::bytes);
      return true;
    } catch (RunException e) {
      s.end(e);
      return false;
    }
  }

  private void start(Sequence s, int blocks) {
    KvPool keys = pool;
    if (keys == null) {
      keys = model.growingPool(blocks, Limits.BLOCK);
      pool = keys;
      kept = new PrefixCache(keys, model.config().recurrent(), roomy);
    }
    s.start(keys.cache());
    s.ticket.admit();
    admitted.run();
  }

  /// Bytes that steps take, whichever adapters are in them.
  ///
  /// @param banked whether any is
  private long bytes(int tokens, int positions, boolean banked) {
    long[] most = {0};
    int threads = limits.get().threads();
    Runnable measured =
        () -> most[0] = Math.max(most[0], StepWorkspace.bytes(model, threads, tokens, positions));
    adapters.within(null, banked, measured);
    if (!banked) {
      return most[0];
    }
    for (String name : adapters.names()) {
      if (adapters.attachment(name).alone() != null) {
        adapters.within(name, false, measured);
      }
    }
    return most[0];
  }

  /// What there is of keys.
  ///
  /// @param promptTokens and the next two: what was done
  Load load(long promptTokens, long cachedTokens, long saidTokens) {
    KvPool keys = pool;
    return new Load(
        0,
        0,
        keys == null ? 0 : keys.used(),
        keys == null ? 0 : keys.held(),
        blocks(),
        promptTokens,
        cachedTokens,
        saidTokens);
  }

  /// Makes room for a text to embed, where nothing that goes on has it.
  ///
  /// @param scoring whether rows are scored that need the room which they have
  /// @return null: there is no room now
  @Nullable Workspace workspace(EmbedJob job, List<Sequence> running, boolean scoring) {
    int tokens = job.ids.length;
    job.bytes = job.bytes < 0 ? room.aloneBytes(tokens) : job.bytes;
    long bytes = job.bytes;
    if (bytes > beside(0) - scoreRoom.bytes() && !scoring) {
      scoreRoom.close();
    }
    if (bytes > beside(0) - scoreRoom.bytes() && running.isEmpty()) {
      drop();
    }
    long left = beside(0) - scoreRoom.bytes();
    if (bytes <= left) {
      return room.alone(bytes);
    } else if (scoring || !running.isEmpty()) {
      return null;
    }
    throw new InputException(
        "a text of %s needs a workspace of %s to be embedded, and there is memory for %s; shorten it or raise --memory"
            .formatted(
                Count.of(tokens, "token"), Bytes.shown(bytes), Bytes.shown(Math.max(0, left))));
  }

  /// Makes room for rows to score, and begins with them.
  ///
  /// @return whether there is room now
  boolean begin(ScoreJob job, List<Sequence> running) {
    if (running.isEmpty() && scoreRoom.whole(job).all() > beside(0)) {
      drop();
    }
    long left = beside(taken(running));
    if (scoreRoom.bytes() > left) {
      scoreRoom.close();
    }
    ScoreRoom.Size size = scoreRoom.within(left, job);
    if (size != null) {
      job.begin(scoreRoom.scorer(size, job));
      settle(running);
      return true;
    } else if (running.isEmpty()) {
      throw scoreRoom.refusal(job, left);
    }
    scoreRoom.close();
    return false;
  }

  @Override
  public void close() {
    try (KvPool closing = pool;
        ScoreRoom scores = scoreRoom) {
      room.close();
    }
  }
}
