package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.Example;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Threads;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Owns a loaded model and takes steps for all its callers: one thread, lanes and workspaces opened
/// once, keys and values in one pool.
///
/// A step decodes one token of each sequence that answers, or several where it guesses them, and
/// then reads some of the prompts that wait, so that long prompts do not hold up answers. A
/// sequence is admitted once the pool has room for all that it may grow to; until then it waits, in
/// order. What a sequence says does not depend on what is beside it: each row is computed with the
/// same bits alone and among others.
///
/// Threading: any thread submits; the model's passes and the callers run on the engine's thread.
/// Nothing else runs passes of the model, or changes its adapters, while sequences run.
public final class Engine implements AutoCloseable {
  private final CausalLm model;
  private volatile Limits limits;
  private final NamedAdapters adapters;
  private final ConcurrentLinkedQueue<Sequence> submitted = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Job> jobs = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<ScoreJob> scoring = new ConcurrentLinkedQueue<>();
  private @Nullable ScoreJob scored; // the engine's thread alone
  private @Nullable Job stalled; // has no room yet; the engine's thread alone
  private final Thread thread;
  private volatile boolean closed;
  private volatile @Nullable Throwable cause; // of an end by itself
  private final AtomicInteger there = new AtomicInteger(); // sequences
  private final AtomicInteger inRoom = new AtomicInteger(); // of them those that have room
  private volatile boolean roomy;
  private volatile Load load = Load.NONE;

  /// Starts an engine; it takes its memory with the first sequence.
  public Engine(CausalLm model, NamedAdapters adapters, Limits limits) {
    this.model = model;
    this.adapters = adapters;
    this.limits = limits;
    this.thread = new Thread(this::run, "engine");
    thread.setDaemon(true);
    thread.start();
  }

  /// Asks for a sequence.
  ///
  /// @param prompt its first tokens, at least one
  /// @param positions tokens that it may grow to
  /// @param adapter the name of its adapter; null: the base
  /// @throws InputException where it may become longer than the model or the memory allows
  public Ticket submit(int[] prompt, int positions, @Nullable String adapter, Caller caller) {
    return submit(Ask.of(prompt, positions, adapters.way(adapter)), caller);
  }

  /// Asks for a sequence.
  ///
  /// @throws InputException where it may become longer than the model or the memory allows
  public Ticket submit(Ask ask, Caller caller) {
    outside();
    check(ask.prompt().length, ask.positions());
    Ticket ticket = new Ticket(this::wake);
    boolean speculate = limits.speculate() && !model.config().turnsAnew(1, ask.positions());
    there.incrementAndGet();
    ask(submitted, new Sequence(ask, speculate, caller, ticket, this::left));
    return ticket;
  }

  /// Does something to the adapters between two steps, and waits for it.
  public void between(Runnable work) {
    outside();
    Job job = Job.of(steps -> work.run());
    ask(jobs, job);
    job.ticket.await();
  }

  /// Takes an adapter that no sequence has off the model between two steps, with the keys of its
  /// prompts.
  public void detach(String adapter) {
    NamedAdapters.Way way = adapters.way(adapter);
    outside();
    Job job =
        Job.of(
            steps -> {
              steps.forget(way);
              adapters.detach(adapter);
            });
    ask(jobs, job);
    job.ticket.await();
  }

  /// Lets the keys of prompts that were read take memory of their own until others want it. Without
  /// that they have only what sequences had at their most.
  public void keepKeys() {
    roomy = true;
  }

  /// Says how much memory keys may take from now on. Sequences that run keep theirs.
  public void keyBytes(long bytes) {
    limits = limits.withKeyBytes(bytes);
    wake();
  }

  /// Computes the mean of the last hidden states of a text, between two steps of others. It takes
  /// its workspace of the memory of keys, and waits for that where others have it.
  ///
  /// @param adapter the name of its adapter; null: the base
  /// @return as many numbers as the model is wide
  public float[] embed(int[] ids, @Nullable String adapter) {
    return embedBy(ids, adapters.way(adapter));
  }

  /// The same through an adapter that the caller keeps where it is.
  public float[] embedBy(int[] ids, NamedAdapters.Way way) {
    outside();
    EmbedJob embed = new EmbedJob(ids, way);
    Ticket ticket = new Ticket(this::wake);
    ask(
        jobs,
        new Job(
            (steps, running) -> {
              boolean done = embed.go(steps, running, scoring());
              if (!done && ticket.cancelled()) {
                throw new RunException("interrupted while others had the memory to embed a text");
              }
              return done;
            },
            ticket));
    ticket.await();
    return embed.mean();
  }

  /// Scores rows: how likely the model finds what is trained of each. Answers go on beside it: a
  /// batch of each lane is between two of their steps. An interrupt of this thread ends it within a
  /// batch. Its workspaces take of the memory of keys what no sequence has: where that is little,
  /// lanes are fewer and batches smaller, by which no score changes, and where it is too little, it
  /// waits for sequences to end.
  ///
  /// @param lanes threads that score side by side; the bits of a score depend on their number
  /// @param adapter the name of its adapter; null: the base
  /// @return in the order of the rows; empty where it was interrupted, and the thread is so again
  public List<RowScore> score(List<Example> rows, int lanes, @Nullable String adapter) {
    outside();
    if (rows.isEmpty()) {
      return List.of();
    }
    ScoreJob job = new ScoreJob(rows, lanes, adapter, new Ticket(this::wake));
    ask(scoring, job);
    job.ticket.await();
    return job.ticket.cancelled() ? List.of() : job.scores();
  }

  /// Hands the engine's thread something; one that has ended by then refuses it.
  private <T> void ask(Queue<T> queue, T what) {
    queue.add(what);
    wake();
    if (closed) {
      refuseAll();
    }
  }

  private void wake() {
    LockSupport.unpark(thread);
  }

  /// A pass of its own, between two steps.
  ///
  /// @param work given what runs; says whether it is done, and not in want of room
  private record Job(BiPredicate<Steps, List<Sequence>> work, Ticket ticket) {
    static Job of(Consumer<Steps> work) {
      return new Job(
          (steps, running) -> {
            work.accept(steps);
            return true;
          },
          new Ticket(() -> {}));
    }

    /// @return whether it has ended
    boolean run(Steps steps, List<Sequence> running) {
      try {
        if (!work.test(steps, running)) {
          return false;
        }
        ticket.end(null);
      } catch (RuntimeException | Error e) {
        ticket.end(e);
      }
      return true;
    }
  }

  /// Whether rows are scored that have their room.
  private boolean scoring() {
    return scored != null && scored.begun();
  }

  /// Refuses calls that would wait for their own thread.
  ///
  /// @throws IllegalStateException where the engine's thread calls
  public void outside() {
    if (Thread.currentThread() == thread) {
      throw new IllegalStateException(
          "what is told of an answer is told by the engine's thread, which cannot ask for another;"
              + " hand it to a thread of your own");
    }
  }

  /// Whether it has ended, by itself or by [#close]: what it is asked for ends at once.
  public boolean ended() {
    return closed;
  }

  private void check(int prompt, int positions) {
    if (prompt < 1 || positions < prompt) {
      throw new IllegalArgumentException(prompt + " tokens that may grow to " + positions);
    }
    int blocks = limits.blocks(model);
    if (Limits.blocks(positions) > blocks) {
      throw NoRoomException.of(model, positions, blocks);
    }
  }

  private void run() {
    List<Sequence> running = new ArrayList<>();
    WaitingQueue waiting = new WaitingQueue();
    try (Admission admission =
            new Admission(model, adapters, () -> limits, inRoom::incrementAndGet, () -> roomy);
        Steps steps = new Steps(model, adapters, admission, limits.threads())) {
      while (!closed) {
        for (Sequence s = submitted.poll(); s != null; s = submitted.poll()) {
          waiting.add(s);
        }
        drop(waiting, running);
        // one between two steps, or those who ask would hold up all others
        Job job = stalled == null ? jobs.poll() : stalled;
        stalled = job == null || job.run(steps, running) ? null : job;
        for (ScoreJob late : scoring) { // behind the one that is scored
          if (late.ticket.cancelled() && scoring.remove(late)) {
            late.ticket.end(null);
          }
        }
        if (stalled != null || scored != null && !scored.begun()) {
          admission.starve(running); // those who run end first
        } else {
          admission.admit(waiting, running, scoring());
        }
        if (!running.isEmpty()) {
          steps.step(running);
        }
        load = steps.load();
        score(steps, running);
        if (running.isEmpty() && waiting.isEmpty() && !asked() && !closed) {
          LockSupport.park(this);
        }
      }
    } catch (RuntimeException | Error e) {
      cause = e;
      closed = true;
    }
    Throwable end = cause == null ? closing() : cause;
    running.forEach(s -> s.end(end));
    waiting.all().forEach(s -> s.end(end));
    if (scored != null) {
      scored.ticket.end(end);
    }
    if (stalled != null) {
      stalled.ticket.end(end);
    }
    refuseAll();
  }

  /// Whether something waits to be begun or gone on with.
  private boolean asked() {
    return !submitted.isEmpty()
        || !jobs.isEmpty()
        || stalled != null
        || !scoring.isEmpty()
        || scored != null;
  }

  /// Scores rows: a batch of each lane where others want the model too, else until others do.
  private void score(Steps steps, List<Sequence> running) {
    if (stalled != null && !scoring()) {
      return; // it came first
    }
    boolean beside = !running.isEmpty() || stalled != null;
    ScoreJob job = scored == null ? scoring.poll() : scored;
    scored = job;
    if (job == null) {
      return;
    }
    try {
      boolean done =
          job.ticket.cancelled()
              || steps.score(
                  job, running, () -> beside || closed || !submitted.isEmpty() || !jobs.isEmpty());
      if (done || job.ticket.cancelled()) {
        scored = null;
        job.ticket.end(null);
      }
    } catch (RuntimeException | Error e) {
      scored = null;
      job.ticket.end(e);
    }
  }

  private void left(Sequence s) {
    inRoom.addAndGet(s.admitted() ? -1 : 0);
    there.decrementAndGet();
  }

  /// Ends what was cancelled or is done.
  private static void drop(WaitingQueue waiting, List<Sequence> running) {
    waiting.drop(Engine::ends);
    running.removeIf(Engine::ends);
  }

  private static boolean ends(Sequence s) {
    if (s.done()) {
      s.end(s.failure());
      return true;
    }
    return false;
  }

  private void refuseAll() {
    for (Job job = jobs.poll(); job != null; job = jobs.poll()) {
      job.ticket.end(closing());
    }
    for (ScoreJob job = scoring.poll(); job != null; job = scoring.poll()) {
      job.ticket.end(closing());
    }
    for (Sequence s = submitted.poll(); s != null; s = submitted.poll()) {
      s.end(closing());
    }
  }

  private IllegalStateException closing() {
    return new IllegalStateException("the engine is closed", cause);
  }

  /// What there is to do, and what was done.
  public Load load() {
    int running = inRoom.get();
    return load.with(running, Math.max(0, there.get() - running));
  }

  /// Blocks of keys for which memory was taken.
  int blocksHeld() {
    return load.keyBlocksHeld();
  }

  /// Ends all sequences and frees everything; the model stays.
  @Override
  public void close() {
    outside();
    closed = true;
    wake();
    Threads.join(thread);
  }
}
