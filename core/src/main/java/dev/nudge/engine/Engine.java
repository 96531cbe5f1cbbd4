package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.CausalLm;
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

/// Serves a loaded model to many callers by continuous batching: one thread, one paged KV cache,
/// lanes and workspaces that are opened once.
///
/// A step decodes one token of each running sequence, or several by speculative decoding, then
/// prefills pieces of waiting prompts, so that long prompts do not hold up decoding. A sequence is
/// admitted once the KV cache has blocks for its maximum length; until then it waits, as
/// [WaitingQueue] orders. Other sequences in a batch never change the tokens of a sequence: each
/// row is computed with the same bits alone and in a batch.
///
/// Threading: any thread submits; forward passes and [Caller]s run on the engine's thread. Nothing
/// else may run passes of the model, or change its adapters, while sequences run.
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

  /// Starts an engine, which allocates its memory when the first sequence comes.
  public Engine(CausalLm model, NamedAdapters adapters, Limits limits) {
    this.model = model;
    this.adapters = adapters;
    this.limits = limits;
    if (limits.promptBytes() > 0) {
      model.packed().keepPrompts();
    }
    this.thread = new Thread(this::run, "engine");
    thread.setDaemon(true);
    thread.start();
  }

  /// Submits a sequence.
  ///
  /// @param prompt the first tokens of the sequence, at least one
  /// @param positions maximum length of the sequence in tokens, prompt included
  /// @param adapter name of the adapter; null: the base model
  /// @throws InputException if the model or the KV cache cannot hold `positions` tokens
  public Ticket submit(int[] prompt, int positions, @Nullable String adapter, Caller caller) {
    return submit(SequenceRequest.of(prompt, positions, adapters.attachment(adapter)), caller);
  }

  /// Submits a sequence; if this thread is interrupted, the sequence ends before its first step.
  ///
  /// @throws InputException if the model or the KV cache cannot hold its maximum length
  public Ticket submit(SequenceRequest ask, Caller caller) {
    outside();
    check(ask.prompt().length, ask.positions());
    Ticket ticket = new Ticket(this::wake);
    if (Thread.currentThread().isInterrupted()) {
      ticket.cancel();
    }
    boolean speculate =
        limits.speculate()
            && !model.config().recurrent()
            && !model.config().turnsAnew(1, ask.positions());
    there.incrementAndGet();
    ask(submitted, new Sequence(ask, speculate, caller, ticket, this::left));
    return ticket;
  }

  /// Changes the adapters between two steps and waits until `work` has run.
  public void between(Runnable work) {
    outside();
    Job job = Job.of(steps -> work.run());
    ask(jobs, job);
    job.ticket.await();
  }

  /// Detaches an adapter that no sequence uses, between two steps, and drops its prefix cache.
  public void detach(String adapter) {
    NamedAdapters.Attachment attachment = adapters.attachment(adapter);
    outside();
    Job job =
        Job.of(
            steps -> {
              steps.forget(attachment);
              adapters.detach(adapter);
            });
    ask(jobs, job);
    job.ticket.await();
  }

  /// Lets the prefix cache allocate free KV cache memory, until sequences need it. Without this
  /// call it only keeps blocks within the most that sequences have used so far.
  public void keepKeys() {
    roomy = true;
  }

  /// Sets how much memory the KV cache may take from now on. Running sequences keep their blocks.
  public void keyBytes(long bytes) {
    limits = limits.withKeyBytes(bytes);
    wake();
  }

  /// Computes a text's embedding, the mean of its last hidden states, between two steps. The
  /// workspace comes from unused KV cache memory; the call waits until there is enough.
  ///
  /// @param adapter name of the adapter; null: the base model
  /// @return the embedding, as long as the model's hidden size
  public float[] embed(int[] ids, @Nullable String adapter) {
    return embedBy(ids, adapters.attachment(adapter));
  }

  /// Embeds a text with an adapter that the caller keeps attached until this returns.
  public float[] embedBy(int[] ids, NamedAdapters.Attachment attachment) {
    outside();
    EmbedJob embed = new EmbedJob(ids, attachment);
    Ticket ticket = new Ticket(this::wake);
    ask(
        jobs,
        new Job(
            (steps, running) -> {
              boolean done = embed.go(steps, running, scoring());
              if (!done && ticket.cancelled()) {
                throw new RunException(
                    "interrupted while waiting for KV cache memory to embed a text");
              }
              return done;
            },
            ticket));
    ticket.await();
    return embed.mean();
  }

  /// Scores rows: the log-probability of each row's trained tokens. Decoding goes on meanwhile:
  /// between two steps each lane scores one batch. An interrupt of this thread ends the call within
  /// a batch. Workspaces use KV cache memory that no sequence has: if there is little, fewer lanes
  /// score smaller batches, which changes no score; if there is too little, the call waits for
  /// sequences to end.
  ///
  /// @param lanes threads that score side by side; the bits of a score depend on their number
  /// @param adapter name of the adapter; null: the base model
  /// @return scores in row order; empty after an interrupt, with the thread interrupted again
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

  /// Refuses to be called on the engine's thread, which would wait for itself.
  ///
  /// @throws IllegalStateException if the caller is the engine's thread
  public void outside() {
    if (Thread.currentThread() == thread) {
      throw new IllegalStateException(
          "this callback runs on the engine's thread and must not call the engine; call it from a"
              + " thread of your own");
    }
  }

  /// Whether the engine has ended, by a failure or by [#close]; new work then ends at once.
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
        new Admission(model, adapters, () -> limits, inRoom::incrementAndGet, () -> roomy)) {
      Steps steps = new Steps(model, adapters, admission);
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

  /// Returns the engine's counters: sequences, KV cache blocks and tokens.
  public Load load() {
    int running = inRoom.get();
    return load.with(running, Math.max(0, there.get() - running));
  }

  /// Blocks of keys for which memory was taken.
  int blocksHeld() {
    return load.keyBlocksHeld();
  }

  /// Ends all sequences and frees the engine's memory; the model stays loaded.
  @Override
  public void close() {
    outside();
    closed = true;
    wake();
    Threads.join(thread);
  }
}
