package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Prefill;
import dev.nudge.nn.KvPool;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Takes the steps of an engine: decodes, then reads prompts; scores rows and embeds texts between
/// them.
///
/// Rows and texts take their workspaces of the memory of keys that no sequence has: what is spare
/// first. What has begun keeps its room; who does not fit beside it waits, and who fits nowhere is
/// refused.
///
/// Threading: confined to the engine's thread.
final class Steps implements AutoCloseable {
  private static final int GUESSING = 4; // sequences beside which guesses pay

  private final CausalLm model;
  private final NamedAdapters adapters;
  private final Runnable admitted;
  private final Team team;
  private final Room room;
  private final ScoreRoom scoreRoom;
  private final Supplier<Limits> limits;
  private final int sequences;
  private final BooleanSupplier roomy;
  private @Nullable KvPool pool;
  private @Nullable Kept kept;
  private boolean more; // sequences wait for room
  private long promptTokens;
  private long cachedTokens;
  private long saidTokens;

  /// @param limits of which the memory of keys may change
  /// @param admitted run for each sequence that gets room
  /// @param roomy whether keys that are kept may take memory of their own
  Steps(
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
    this.team = new Team(first.threads());
    this.room = new Room(model, first);
    this.scoreRoom = new ScoreRoom(model, first.threads());
    this.sequences = first.sequences();
  }

  /// Bytes of keys that steps of adapters leave.
  private long keyBytes() {
    return limits.get().keyBytes() - room.over();
  }

  /// Blocks that sequences may have beside what rows have taken that are scored.
  private int blocks() {
    long taken = Math.max(0, scoreRoom.bytes() - limits.get().spareBytes());
    return Limits.blocks(keyBytes() - taken, model);
  }

  /// Bytes that rows or a text may take beside sequences that have so many blocks, those among them
  /// that rows have.
  private long beside(int blocks) {
    int held = Math.max(blocks, pool == null ? 0 : pool.held());
    return keyBytes() + limits.get().spareBytes() - held * model.keyValueBytes(Limits.BLOCK);
  }

  /// Blocks that sequences may grow to.
  private static int taken(List<Sequence> running) {
    return running.stream().mapToInt(s -> Limits.blocks(s.positions)).sum();
  }

  /// Gives the pool what there is for it: at least what it has and running sequences may want.
  private int settle(List<Sequence> running) {
    int there = blocks();
    if (pool != null && running.isEmpty() && pool.held() > there) {
      drop();
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
  void admit(Waiting waiting, List<Sequence> running, boolean scoring) {
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
    low.end(new BusyException("a sequence of low priority gave its room to others", 1));
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
      kept = new Kept(keys, roomy);
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
    Runnable measured = () -> most[0] = Math.max(most[0], Room.bytes(model, tokens, positions));
    adapters.within(null, banked, measured);
    if (!banked) {
      return most[0];
    }
    for (String name : adapters.names()) {
      if (adapters.way(name).alone() != null) {
        adapters.within(name, false, measured);
      }
    }
    return most[0];
  }

  Load load() {
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

  /// One token or more of each sequence that answers, and some of the prompts. Those of low
  /// priority pause while there are others.
  void step(List<Sequence> all) {
    List<Sequence> high = all.stream().filter(s -> !s.ask.low()).toList();
    List<Sequence> running = high.isEmpty() ? all : high;
    for (Sequence s : running) {
      if (model.config().turnsAnew(s.cache().length(), s.count())) {
        s.cache().cut(0); // a long sequence turns otherwise, so all of it is read again
      }
    }
    List<Sequence> answering = new ArrayList<>();
    List<Sequence> reading = new ArrayList<>();
    running.forEach(s -> (s.reads() ? reading : answering).add(s));
    while (!answering.isEmpty()) {
      List<Sequence> together = together(answering);
      answering.removeAll(together);
      within(together, () -> decode(together, running.size()));
    }
    if (!reading.isEmpty() && !gathers(reading, running.size())) {
      List<Sequence> together = together(reading);
      within(together, () -> read(together, running));
    }
  }

  /// Whether prompts wait for those behind them. A pass that reads packs, or makes, every weight
  /// however few its tokens are; so prompts that may wait do, while more are to come and others
  /// answer, until they are half of what runs or fill a pass.
  private boolean gathers(List<Sequence> reading, int running) {
    return more
        && 2 * reading.size() < running
        && reading.stream().allMatch(s -> s.ask.patient())
        && reading.stream().mapToInt(Sequence::unread).sum() < room.tokens();
  }

  /// The mean of the last hidden states of a text.
  ///
  /// @param scoring whether rows are scored that need the room which they have
  /// @return null: there is no room now
  float @Nullable [] embed(EmbedJob job, List<Sequence> running, boolean scoring) {
    float[][] mean = new float[1][];
    adapters.within(
        job.way.alone(),
        job.way.number() >= 0,
        () -> {
          int tokens = job.ids.length;
          job.bytes = job.bytes < 0 ? room.aloneBytes(tokens) : job.bytes;
          if (clear(job.bytes, tokens, running, scoring)) {
            try (Workspace ws = room.alone(job.bytes)) {
              mean[0] = model.embed(job.ids, job.way.number(), ws);
            }
          }
        });
    return mean[0];
  }

  /// Makes room for a text to embed, where nothing that goes on has it.
  private boolean clear(long bytes, int tokens, List<Sequence> running, boolean scoring) {
    if (bytes > beside(0) - scoreRoom.bytes() && !scoring) {
      scoreRoom.close();
    }
    if (bytes > beside(0) - scoreRoom.bytes() && running.isEmpty()) {
      drop();
    }
    long left = beside(0) - scoreRoom.bytes();
    if (bytes <= left) {
      return true;
    } else if (scoring || !running.isEmpty()) {
      return false;
    }
    throw new InputException(
        "a text of %s needs a workspace of %s to be embedded, and there is memory for %s; shorten it or raise --memory"
            .formatted(
                Count.of(tokens, "token"), Bytes.shown(bytes), Bytes.shown(Math.max(0, left))));
  }

  /// Scores rows, some or all that are missing, or none where there is no room yet.
  ///
  /// @return whether none is missing any more
  boolean score(ScoreJob job, List<Sequence> running, BooleanSupplier pause) {
    boolean[] done = new boolean[1];
    adapters.within(
        job.adapter,
        false,
        () -> {
          if (job.begun() || begin(job, running)) {
            done[0] = job.go(pause);
          }
        });
    return done[0];
  }

  private boolean begin(ScoreJob job, List<Sequence> running) {
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

  /// Those whose steps may be the first one's.
  private static List<Sequence> together(List<Sequence> all) {
    String alone = all.getFirst().way.alone();
    return all.stream().filter(s -> Objects.equals(alone, s.way.alone())).toList();
  }

  private void within(List<Sequence> together, Runnable passes) {
    boolean banked = together.stream().anyMatch(s -> s.way.number() >= 0);
    adapters.within(together.getFirst().way.alone(), banked, passes);
  }

  /// @param any in any order
  private void decode(List<Sequence> any, int beside) {
    List<Sequence> together = new ArrayList<>(any);
    together.sort(Comparator.comparingInt(s -> s.way.number())); // one adapter's are one product
    int most = beside <= GUESSING ? Drafts.MOST : 0;
    int[] ids = new int[Limits.ROWS];
    int[] lengths = new int[together.size()];
    int rows = 0;
    for (int i = 0; i < lengths.length; i++) {
      Sequence s = together.get(i);
      ids[rows] = s.ids()[s.count() - 1];
      int room = Math.min(most, s.positions - s.count());
      int guessed = s.drafts.guess(s.ids(), s.count(), ids, rows + 1, room);
      lengths[i] = 1 + guessed;
      rows += lengths[i];
    }
    Tensor logits =
        model.decode(
            Arrays.copyOf(ids, rows),
            lengths,
            together.stream().map(Sequence::cache).toList(),
            numbers(together),
            room.workspace(),
            team);
    for (int i = 0, row = 0; i < lengths.length; row += lengths[i++]) {
      take(together.get(i), logits, row, lengths[i] - 1, ids);
    }
  }

  /// Takes a sequence's token, and those of its guesses that are right.
  private void take(Sequence s, Tensor logits, int row, int guessed, int[] ids) {
    int right = 0;
    int before = s.count();
    try {
      while (s.next(logits, row + right)
          && right < guessed
          && s.ids()[before + right] == ids[row + right + 1]) {
        right++;
      }
    } catch (RuntimeException | Error e) {
      s.fail(e);
    }
    int said = s.branched() && !s.done() ? 0 : right + 1;
    saidTokens += said;
    s.charge(said);
    if (!s.done()) {
      s.cache().cut(s.branched() && turns(s) ? 0 : before + right);
      s.drafts.learn(guessed, right);
    }
  }

  /// Reads pieces of prompts, first of the client that has had the fewest tokens: a long prompt of
  /// one does not hold up a short one of another.
  private void read(List<Sequence> any, List<Sequence> running) {
    List<Sequence> together = new ArrayList<>(any);
    together.sort(Comparator.comparingDouble(Sequence::served));
    List<Sequence> fed = new ArrayList<>();
    List<Integer> lengths = new ArrayList<>();
    int left = room.tokens();
    for (Sequence s : together) {
      boolean fresh = s.cache().length() == 0 && !turns(s);
      if (fresh && kept().waits(s, running, this::turns)) {
        continue; // what it shares with another prompt is being read
      }
      if (fresh) {
        int there = s.cache().length();
        cachedTokens += there;
        promptTokens += there;
        s.ticket.cached(there);
      }
      int rest = s.unread();
      boolean whole = model.config().turnsAnew(1, s.count()); // its turns depend on all of it
      int piece = rest <= left ? rest : whole ? 0 : left / Limits.BLOCK * Limits.BLOCK;
      if (piece > 0) {
        fed.add(s);
        lengths.add(piece);
        left -= piece;
      }
    }
    if (!fed.isEmpty()) {
      feed(fed, lengths.stream().mapToInt(i -> i).toArray());
    }
  }

  /// Drops the keys of an adapter that is gone.
  void forget(NamedAdapters.Way way) {
    if (kept != null) {
      kept.forget(way);
    }
  }

  private Kept kept() {
    return Objects.requireNonNull(kept, "no sequence was admitted");
  }

  /// Whether a sequence may become one whose tokens are turned otherwise than a short one's.
  private boolean turns(Sequence s) {
    return model.config().turnsAnew(1, s.positions);
  }

  private void feed(List<Sequence> fed, int[] lengths) {
    int[] ids = new int[Arrays.stream(lengths).sum()];
    List<Integer> ended = new ArrayList<>();
    List<Integer> heard = new ArrayList<>();
    List<Integer> silent = new ArrayList<>();
    int[] before = new int[lengths.length];
    for (int i = 0, at = 0; i < lengths.length; at += lengths[i++]) {
      Sequence s = fed.get(i);
      int from = s.cache().length();
      before[i] = from;
      if (s.hears(from, lengths[i])) {
        heard.add(i);
        silent.add(s.silent(from));
      }
      System.arraycopy(s.ids(), from, ids, at, lengths[i]);
      promptTokens += lengths[i];
      s.charge(lengths[i]);
      if (from + lengths[i] == s.count()) {
        ended.add(i);
      }
    }
    Tensor logits =
        model.prefill(
            new Prefill(
                ids,
                lengths,
                fed.stream().map(Sequence::cache).toList(),
                numbers(fed),
                ended.stream().mapToInt(i -> i).toArray(),
                heard.stream().mapToInt(i -> i).toArray(),
                silent.stream().mapToInt(i -> i).toArray(),
                (i, at, rows, row) -> fed.get(i).read(rows, row, before[i] + at)),
            room.workspace(),
            team);
    fed.stream().filter(s -> !turns(s)).forEach(kept()::keep);
    for (int row = 0; row < ended.size(); row++) {
      take(fed.get(ended.get(row)), logits, row, 0, ids);
    }
  }

  private static int[] numbers(List<Sequence> of) {
    return of.stream().mapToInt(s -> s.way.number()).toArray();
  }

  @Override
  public void close() {
    team.close();
    try (KvPool closing = pool;
        ScoreRoom scores = scoreRoom) {
      room.close();
    }
  }
}
