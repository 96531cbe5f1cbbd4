package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Caller;
import dev.nudge.engine.RowScore;
import dev.nudge.engine.Ticket;
import dev.nudge.machine.Machine;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Ledger;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What `--memory` goes to.
class AccountTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final Path ADAPTER = GOLDEN.resolve("peft/all-linear/adapter");
  private static final Path OTHER = GOLDEN.resolve("peft/patterns-rslora/adapter");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final int LENGTH = 300;

  /// More than the scratch that products of this model take on any processor, on both threads.
  private static final long SCRATCH = 256 << 10;

  private final long before = Ledger.bytes();
  private final List<Example> rows =
      IntStream.range(0, 20)
          .mapToObj(i -> Example.of(IntStream.range(0, 3 + 11 * i).map(j -> 7 + j % 50).toArray()))
          .toList();
  private final int[] text = IntStream.range(0, LENGTH).map(i -> 5 + i % 40).toArray();

  @AfterEach
  void close() {
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static Session session(@Nullable Path adapter, long memory) {
    ModelSettings settings = ModelSettings.of(MODEL).withMaxLength(LENGTH);
    return Session.load(settings, adapter, null, new ByteSize(memory), MACHINE, warning -> {});
  }

  /// What is held and in the account: not tables of positions, nor scratch of products.
  private static long accounted() {
    return Ledger.byOwner().entrySet().stream()
        .filter(owner -> !owner.getKey().matches("rotary|oneDNN.*"))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  /// The most that was held at a time since the last call, without what is held now that is not in
  /// the account. Scratch of products that is gone by now is in it.
  private static long most() {
    return Ledger.most() - (Ledger.bytes() - accounted());
  }

  @Test
  void itAddsUpToWhatWasGiven() {
    long memory = 64L << 20;
    try (Session session = session(ADAPTER, memory)) {
      Account account = session.account();
      assertThat(account.bytes()).isEqualTo(memory);
      assertThat(account.weights() + account.adapters()).isEqualTo(Ledger.bytes() - before);
      assertThat(account.adapters()).isPositive();
      assertThat(session.keyTokens())
          .isEqualTo(account.keys() / session.model().keyValueBytes(64) * 64);
      session.attach("another", OTHER);
      Account two = session.account();
      assertThat(two.bytes()).isEqualTo(memory);
      assertThat(two.adapters()).isGreaterThan(account.adapters());
      assertThat(two.weights() + two.adapters()).isEqualTo(Ledger.bytes() - before);
      session.complete("pump", SamplingSettings.greedy().withMaxTokens(4), piece -> {});
      session.cache();
      Account cached = session.account();
      assertThat(cached.bytes()).isEqualTo(memory);
      assertThat(cached.keys()).isEqualTo(two.keys() - two.keys() / 4);
      assertThat(session.plan())
          .contains("KV cache: ", "weights ", "adapters ", "steps ", "rows to score")
          .doesNotContain("\n");
    }
  }

  @Test
  void anEngineThatRunsIsToldWhatAdaptersTakeAndGiveBack() {
    try (Session session = session(null, 64L << 20)) {
      session.cache();
      int alone = blocks(session);
      long keys = session.account().keys();
      List<String> names = IntStream.range(0, 40).mapToObj(n -> "adapter " + n).toList();
      names.forEach(name -> session.attach(name, OTHER));
      long taken = keys - session.account().keys();
      long blocks = taken / session.model().keyValueBytes(64);
      assertThat(blocks).isPositive();
      int between = blocks(session);
      assertThat(between).isLessThanOrEqualTo((int) (alone - blocks));
      names.forEach(session::detach);
      assertThat(session.account().keys()).isEqualTo(keys);
      assertThat(blocks(session)).isGreaterThanOrEqualTo((int) (between + blocks));
    }
  }

  /// Blocks that keys may take, as the engine knows after a step.
  private static int blocks(Session session) {
    ask(session, prompt(0, 5));
    return session.serving().stats().keyBlocks();
  }

  @Test
  void aSessionWhoseAdapterDoesNotFitGivesAllBack() {
    Path other = GOLDEN.resolve("extras/untied/lora-head/final");
    assertThatThrownBy(() -> session(other, 64L << 20))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("it is of another model");
  }

  @Test
  void answersScoresAndEmbeddingsStayWithinIt() {
    long least;
    List<RowScore> roomy;
    float[] mean;
    long row;
    long embedding;
    try (Session session = session(ADAPTER, 256L << 20)) {
      ask(session, prompt(0, LENGTH - 2));
      long wider = wider(session);
      roomy = session.score(rows, 2, one -> {});
      session.embed(text);
      mean = session.embed(text);
      Account account = session.account();
      row = session.model().measured().scoreBytes(212, 212);
      embedding = session.model().measured().embedBytes(LENGTH);
      assertThat(SCRATCH).isLessThan(Math.min(row, embedding)); // or one more would not be seen
      long needed = Math.max(session.model().measured().scoreBytes(256, 256), embedding);
      least = account.bytes() - account.keys() + wider + needed;
    }
    for (long memory : new long[] {least, 2 * least}) {
      try (Session session = session(ADAPTER, memory)) {
        long held = session.account().weights() + session.account().adapters();
        var _ = most();
        session.complete("pump", SamplingSettings.greedy().withMaxTokens(20), piece -> {});
        assertThat(accounted()).isLessThanOrEqualTo(memory);
        fill(session);
        assertThat(most()).isLessThanOrEqualTo(memory + SCRATCH);
        assertThat(session.embed(text)).isEqualTo(mean);
        assertThat(accounted()).isLessThanOrEqualTo(memory);
        assertThat(most()).isBetween(held + embedding, memory + SCRATCH);
        fill(session);
        assertThat(session.score(rows, 2, one -> {})).isEqualTo(roomy);
        assertThat(accounted()).isLessThanOrEqualTo(memory);
        assertThat(most()).isBetween(held + row, memory + SCRATCH);
        session.complete("pump", SamplingSettings.greedy().withMaxTokens(20), piece -> {});
        assertThat(accounted()).isLessThanOrEqualTo(memory);
        assertThat(most()).isLessThanOrEqualTo(memory + SCRATCH);
      }
    }
  }

  /// Reads prompts until their keys have all that there is for keys: that an adapter makes steps
  /// wider is taken off it.
  private static void fill(Session session) {
    session.engine().keepKeys();
    long block = session.model().keyValueBytes(64);
    int tokens = LENGTH - 2;
    for (int i = 0; i <= session.account().keys() / (tokens / 64 * block); i++) {
      ask(session, prompt(i, tokens));
    }
    long keys = Ledger.byOwner().getOrDefault("kv cache", 0L);
    assertThat(keys).isGreaterThan(session.account().keys() - wider(session) - 2 * block);
  }

  private static int[] prompt(int first, int tokens) {
    return IntStream.range(0, tokens).map(j -> 3 + (first + j) % 50).toArray();
  }

  /// Bytes by which an adapter makes the workspace of steps larger than the account says.
  private static long wider(Session session) {
    long taken = Ledger.byOwner().getOrDefault("workspace 0", 0L);
    return Math.max(0, taken - session.account().steps());
  }

  private static Ticket ask(Session session, int[] prompt) {
    int most = prompt.length + 1;
    Ticket ticket = session.engine().submit(prompt, most, null, (all, row, ids, n) -> Caller.END);
    ticket.await();
    return ticket;
  }

  @Test
  void withTooLittleTheLineSaysWhatIsNeeded() {
    long fixed;
    try (Session session = session(ADAPTER, 64L << 20)) {
      fixed = session.account().bytes() - session.account().keys();
    }
    try (Session session = session(ADAPTER, fixed + 1000)) {
      assertThatThrownBy(() -> session.score(rows, 2, row -> {}))
          .isInstanceOf(InputException.class)
          .hasMessageMatching(
              "a row of 212 tokens needs a workspace of .+ to be scored, and there is memory for"
                  + " .+; lower --max-length, or raise --memory");
    }
  }

  private static Session free(long bytes) {
    Machine machine = new Machine(2, bytes, Backends.cache(), "test");
    return Session.load(
        ModelSettings.of(MODEL).withMaxLength(LENGTH), null, machine, warning -> {});
  }

  @Test
  void withoutItHalfOfTheRestIsSpare() {
    List<RowScore> scores;
    float[] mean;
    long weights;
    long row;
    long embedding;
    try (Session session = free(4L << 30)) {
      weights = session.account().weights();
      scores = session.score(rows, 1, one -> {});
      mean = session.embed(text);
      row = session.model().measured().scoreBytes(212, 212);
      embedding = session.model().measured().embedBytes(LENGTH);
    }
    try (Session session = free(weights + 2000)) {
      assertThat(session.account().keys()).isEqualTo(1000);
    }
    try (Session session = free(weights + row + row % 2)) {
      assertThat(session.account().keys()).isEqualTo((row + 1) / 2);
      assertThat(session.score(rows, 1, one -> {})).isEqualTo(scores);
    }
    try (Session session = free(weights + row - 2)) {
      assertThatThrownBy(() -> session.score(rows, 1, one -> {}))
          .hasMessageStartingWith("a row of 212 tokens needs a workspace of ");
    }
    try (Session session = free(weights + embedding + embedding % 2)) {
      assertThat(session.embed(text)).isEqualTo(mean);
    }
    try (Session session = free(weights + embedding - 2)) {
      assertThatThrownBy(() -> session.embed(text))
          .hasMessageStartingWith("a text of 300 tokens needs a workspace of ");
    }
  }

  /// Reads a prompt of two blocks and a bit.
  ///
  /// @return tokens of it whose keys were there
  private int read(Session session) {
    int[] prompt = IntStream.range(0, 140).map(i -> 3 + i % 50).toArray();
    return ask(session, prompt).times().cached();
  }

  private int kept(Session session) {
    session.engine().keepKeys();
    assertThat(read(session)).isZero();
    session.score(rows, 1, one -> {});
    session.embed(text);
    return read(session);
  }

  @Test
  void rowsAndTextsTakeWhatIsSpareBeforeTheyTakeThatOfKeys() {
    long weights;
    long steps;
    long keys;
    long prompts;
    try (Session session = free(4L << 30)) {
      weights = session.account().weights();
      steps = session.account().steps();
      prompts = session.account().prompts();
      assertThat(prompts).isEqualTo(session.model().packed().promptBytes());
      keys =
          session.model().measured().scoreBytes(2048, 2048)
              + session.model().measured().scoreBytes(2048, 2048) % 2;
    }
    try (Session session = free(weights + prompts + 2 * keys)) {
      assertThat(session.account().keys()).isEqualTo(keys);
      assertThat(kept(session)).isEqualTo(128);
    }
    try (Session session = session(null, weights + steps + prompts + keys)) { // nothing is spare
      assertThat(session.account().keys()).isEqualTo(keys);
      assertThat(kept(session)).isZero();
    }
  }
}
