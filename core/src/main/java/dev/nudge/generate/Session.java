package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Engine;
import dev.nudge.engine.RowScore;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.CausalLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A loaded model with its tokenizer and adapters, ready to generate, embed and score.
///
/// Threading: any number of threads may complete prompts at once, side by side in one engine, and
/// attach adapters meanwhile. [#close] waits for them. Switch adapters by [#adapters] only while no
/// prompt is being completed.
public final class Session implements AutoCloseable {
  /// Name of the adapter that a session is loaded with.
  public static final String ADAPTER = "adapter";

  private static final int SCORED = 512; // rows told together

  private final Tokenizer tokenizer;
  private final CausalLm model;
  private final Identity.Model identity;
  private final NamedAdapters adapters;
  private final int maxLength;
  private final SessionMemory memory;
  private final ModelConfig base;
  private final boolean anyBase;
  private final Consumer<String> warnings;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private final Sampler.Room room = new Sampler.Room();
  private volatile @Nullable Engine engine;
  private @Nullable AdapterCache cache;
  private @Nullable Serving serving;
  private volatile boolean closed;

  Session(
      Tokenizer tokenizer,
      CausalLm model,
      Identity.Model identity,
      int maxLength,
      SessionMemory memory,
      boolean anyBase,
      Consumer<String> warnings) {
    this.tokenizer = tokenizer;
    this.model = model;
    this.identity = identity;
    this.memory = memory;
    this.base = model.config();
    this.anyBase = anyBase;
    this.warnings = warnings;
    this.adapters = new NamedAdapters(model.modules(), model.backend().compute());
    this.maxLength = maxLength;
  }

  /// Loads a model and attaches an adapter.
  ///
  /// @param adapter a PEFT folder or a run's folder; null: the base model
  /// @param warnings receives one line per warning
  public static Session load(
      ModelSettings settings, @Nullable Path adapter, Machine machine, Consumer<String> warnings) {
    return load(settings, adapter, null, null, machine, warnings);
  }

  /// Loads a model with an adapter within a memory budget.
  ///
  /// @param loaded the model's tokenizer; null: it is loaded
  /// @param memory bytes of weights, workspace and KV cache; null: the KV cache gets half of what
  ///     the weights leave free
  public static Session load(
      ModelSettings settings,
      @Nullable Path adapter,
      @Nullable Tokenizer loaded,
      @Nullable ByteSize memory,
      Machine machine,
      Consumer<String> warnings) {
    return new SessionLoader(settings, machine, warnings).load(adapter, loaded, memory);
  }

  /// Loads the tokenizer for a model with an adapter: the adapter's own, if the adapter adds tokens
  /// or saves whole embedding tables and has one.
  ///
  /// @param adapter null: the base model
  public static Tokenizer tokenizer(Path model, @Nullable Path adapter, Machine machine) {
    if (adapter != null) {
      try (PeftAdapter peft = PeftAdapter.open(adapter)) {
        Path own = peft.tokenizer();
        if (own != null) {
          return Tokenizer.load(model, own, machine.cache());
        }
      }
    }
    return Tokenizer.load(model, machine.cache());
  }

  /// Returns the maximum length of a sequence: the setting's, else the model's number of positions.
  public static int maxLength(ModelSettings settings, ModelConfig config) {
    return Objects.requireNonNullElse(settings.maxLength(), config.maxPositionEmbeddings());
  }

  /// Attaches one more adapter and switches to it; [#adapters] switches between them.
  ///
  /// @throws InputException if it does not fit this model; the session then keeps its adapter
  public void attach(String name, Path adapter) {
    attach(name, adapter, anyBase, warnings);
  }

  /// Attaches an adapter and switches to it, with its own base check and warnings. Decoding goes on
  /// while its files are read.
  ///
  /// @param anyBase whether to accept an adapter of another base
  /// @param warnings receives one line per warning
  /// @throws InputException if it does not fit this model; the session then keeps its adapter
  public void attach(String name, Path adapter, boolean anyBase, Consumer<String> warnings) {
    attach(name, adapter, anyBase, false, warnings);
  }

  /// Attaches a reward model and switches to it: from now on [#score] gives rewards, and nothing
  /// can be completed.
  void attachReward(String name, Path adapter) {
    attach(name, adapter, anyBase, true, warnings);
  }

  private void attach(
      String name, Path adapter, boolean anyBase, boolean reward, Consumer<String> warnings) {
    try (PeftAdapter peft = PeftAdapter.open(adapter)) {
      if (!reward) {
        checkAnswers(peft, "adapter " + adapter);
      }
      Identity.check(adapter, identity, anyBase, warnings);
      peft.carry(Identity.folded(adapter, identity, anyBase));
      checkTokenizer(peft);
      try (NamedAdapters.LoadedAdapter made = adapters.make(peft)) {
        between(
            () -> {
              adapters.attach(name, made);
              adapters.use(name);
            });
        memory.attach(name, made.bytes());
      }
    }
  }

  /// Checks that an adapter is one of this session's base and tokenizer.
  ///
  /// @param called what messages call it
  /// @param again whether what may be meant was told before, and is not told now
  void check(PeftAdapter adapter, String called, boolean again) {
    checkAnswers(adapter, called);
    Identity.check(called, adapter.folder(), identity, anyBase, again ? line -> {} : warnings);
    adapter.carry(Identity.folded(adapter.folder(), identity, anyBase));
    checkTokenizer(adapter);
  }

  /// Changes the adapters between two steps.
  void between(Runnable work) {
    between(running -> running.between(work), work);
  }

  /// @param asked of the engine, where there is one
  /// @param alone done where there is none yet
  private void between(Consumer<Engine> asked, Runnable alone) {
    Lock held = hold();
    try {
      Engine running = engine;
      while (running != null) {
        try {
          asked.accept(running);
          return;
        } catch (IllegalStateException e) {
          if (!running.ended()) {
            throw e;
          }
          running = engine(); // the other one failed
        }
      }
      synchronized (this) {
        if (engine == null) {
          alone.run();
          return;
        }
      }
    } finally {
      held.unlock();
    }
    between(asked, alone); // it has started meanwhile
  }

  /// Detaches an adapter that nobody uses and returns its memory to the KV cache. Does nothing if
  /// the session is closed.
  public void detach(String name) {
    lock.readLock().lock();
    try {
      if (!closed) {
        between(running -> running.detach(name), () -> adapters.detach(name));
        memory.detach(name);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  /// Returns the cache that loads adapters on demand; its memory comes off the KV cache.
  public synchronized AdapterCache cache() {
    AdapterCache there = cache;
    if (there == null) {
      there = new AdapterCache(this, memory.cacheAdapters());
      cache = there;
    }
    return there;
  }

  /// Sets how many answers may decode side by side; call it before the first request.
  public void sequences(int most) {
    memory.sequences(most);
  }

  /// Number of tokens that the KV cache can hold, over all callers.
  public long keyTokens() {
    return memory.keyTokens();
  }

  /// Returns the smallest `--memory`, in bytes, with which a prompt and answer of `tokens` tokens
  /// fit beside weights, workspace and the adapter cache.
  public long leastMemory(int tokens) {
    return memory.least(tokens);
  }

  /// Default for the maximum tokens of an answer: what the model allows, but no more than a quarter
  /// of the KV cache, since an answer reserves blocks for its maximum length.
  public int usualTokens() {
    return Math.clamp(keyTokens() / 4, 16, Math.max(16, maxLength()));
  }

  /// Returns the server of many clients on this session.
  public synchronized Serving serving() {
    Serving there = serving;
    if (there == null) {
      there = new Serving(this);
      serving = there;
    }
    return there;
  }

  /// A session has one tokenizer: that of the adapter it was loaded with, or the model's.
  /// Refuses an adapter that gives rewards, not answers.
  private static void checkAnswers(PeftAdapter adapter, String called) {
    if (adapter.extras().score()) {
      throw new InputException(
          called
              + " is a reward model, which gives a text a number and no answer; nudge score takes"
              + " it");
    }
  }

  private void checkTokenizer(PeftAdapter adapter) {
    Path own = adapter.tokenizer();
    if (own != null && !tokenizer.isOf(own)) {
      throw new InputException(
          "adapter "
              + adapter.folder()
              + " brings a tokenizer of its own; load the session with this adapter, so that its"
              + " tokens are known");
    }
  }

  /// Completes a prompt by greedy decoding, up to 256 tokens. An interrupt of this thread ends it
  /// within a token, with the stop `INTERRUPTED`.
  ///
  /// @throws InputException if the prompt is empty or too long
  public Completion complete(String prompt) {
    return complete(prompt, SamplingSettings.greedy(), piece -> {});
  }

  /// Completes a prompt. An interrupt of this thread ends it within a token (or a piece of the
  /// prefill): the completion holds the text until then and says `INTERRUPTED`, and the thread is
  /// interrupted again.
  ///
  /// @param sampling its `n` counts as 1
  /// @param pieces receives text as it is decoded, whole characters only, on the engine's thread: a
  ///     slow callback holds up all answers, and it must not call the session
  /// @throws InputException if the prompt is empty or too long
  public Completion complete(String prompt, SamplingSettings sampling, Consumer<String> pieces) {
    return new Generation(this, sampling).complete(prompt, pieces);
  }

  /// Keeps the model open, and without new adapters, until what this gives back is unlocked.
  Lock hold() {
    outside();
    Lock held = lock.readLock();
    held.lock();
    if (closed) {
      held.unlock();
      throw new IllegalStateException("the session is closed");
    }
    return held;
  }

  /// Refuses a call by the engine's thread before it waits for a lock that only the engine's work
  /// opens.
  private void outside() {
    Engine there = engine;
    if (there != null) {
      there.outside();
    }
  }

  /// The engine that answers; it starts with the first call.
  synchronized Engine engine() {
    if (engine != null && engine.ended()) { // a step failed, and with it all that ran
      engine.close();
      engine = null;
    }
    if (engine == null) {
      engine = memory.start(adapters);
    }
    if (serving != null) {
      engine.keepKeys();
    }
    return engine;
  }

  /// Returns the session's memory by use.
  public Account account() {
    return memory.account();
  }

  /// Says in a line what the keys of a token take, of how many tokens there may be, and what else
  /// the memory goes to.
  String plan() {
    return memory.told(maxLength);
  }

  /// Computes a text's embedding: the mean of its last hidden states, after the final norm.
  ///
  /// @return the embedding, as long as the model's hidden size
  /// @throws InputException if the text is empty or too long
  public float[] embed(String text) {
    return embed(encode(text));
  }

  /// The same of a text's tokens.
  float[] embed(int[] ids) {
    Lock held = hold();
    try {
      checkPrompt(ids);
      if (ids.length > maxLength) {
        throw new InputException(
            "the text has %s, and --max-length is %d; shorten it or raise --max-length"
                .formatted(Count.of(ids.length, "token"), maxLength));
      }
      return engine().embed(ids, adapter());
    } finally {
      held.unlock();
    }
  }

  /// Scores rows: the log-probability of each row's trained tokens. Decoding goes on meanwhile.
  ///
  /// @param lanes threads that score side by side; null: as many as the session's
  /// @param told receives the scores, in order, some rows at a time
  /// @return all scores
  /// @throws RunException if an interrupt of this thread left rows that were not scored
  public List<RowScore> score(
      List<Example> rows, @Nullable Integer lanes, Consumer<RowScore> told) {
    return score(rows, lanes, adapter(), told);
  }

  /// Scores rows with a given adapter, whichever one is switched on.
  ///
  /// @param adapter name of the adapter; null: the base model
  public List<RowScore> score(
      List<Example> rows,
      @Nullable Integer lanes,
      @Nullable String adapter,
      Consumer<RowScore> told) {
    Lock held = hold();
    try {
      rows.forEach(row -> config().checkTokens(row.ids()));
      int wanted = lanes == null ? threads() : lanes;
      int used = Math.max(1, Math.min(wanted, rows.size()));
      List<RowScore> all = new ArrayList<>(rows.size());
      for (int from = 0; from < rows.size(); from += SCORED) {
        List<Example> some = rows.subList(from, Math.min(rows.size(), from + SCORED));
        List<RowScore> scores = engine().score(some, used, adapter);
        if (scores.size() < some.size()) {
          throw new RunException(
              "interrupted: %d of %d rows are scored".formatted(from, rows.size()));
        }
        scores.forEach(told);
        all.addAll(scores);
      }
      return all;
    } finally {
      held.unlock();
    }
  }

  /// Threads that compute.
  int threads() {
    return memory.limits().threads();
  }

  /// What samplers share on the engine's thread.
  Sampler.Room room() {
    return room;
  }

  /// The adapter that answers now; null: the base alone.
  @Nullable String adapter() {
    return adapters.enabled() ? adapters.active() : null;
  }

  /// The attached adapters by name, to switch between them. [#detach] detaches one and frees its
  /// memory.
  public NamedAdapters adapters() {
    return adapters;
  }

  /// The shape of the model without an adapter.
  ModelConfig base() {
    return base;
  }

  public ModelConfig config() {
    return model.config();
  }

  public Backend backend() {
    return model.backend();
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public CausalLm model() {
    return model;
  }

  /// Maximum length of a sequence in tokens, prompt and completion together.
  public int maxLength() {
    return maxLength;
  }

  /// Encodes a prompt.
  ///
  /// @throws InputException if it has no token, or one that the model does not have
  public int[] encode(String prompt) {
    int[] ids = tokenizer.ids(prompt);
    checkPrompt(ids);
    return ids;
  }

  /// Refuses a prompt that has no token, or one that the model does not have.
  void checkPrompt(int[] ids) {
    if (ids.length == 0) {
      throw new InputException("the prompt has no tokens; give a prompt with at least one");
    }
    config().checkTokens(ids);
  }

  /// Waits for running completions and frees all memory.
  @Override
  public void close() {
    outside();
    Serving answering;
    synchronized (this) {
      answering = serving;
    }
    if (answering != null) {
      answering.drain(Duration.ZERO);
    }
    lock.writeLock().lock();
    try {
      closed = true;
      if (engine != null) {
        engine.close();
      }
      adapters.close();
      model.close();
    } finally {
      lock.writeLock().unlock();
    }
  }
}
