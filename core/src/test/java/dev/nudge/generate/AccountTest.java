package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.data.Example;
import dev.nudge.engine.RowScore;
import dev.nudge.machine.Machine;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.SamplingSettings;
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

  private final long before = Ledger.bytes();
  private final List<Example> rows =
      IntStream.range(0, 20)
          .mapToObj(i -> Example.of(IntStream.range(0, 3 + 11 * i).map(j -> 7 + j % 50).toArray()))
          .toList();

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
          .contains("keys and values: ", "weights ", "adapters ", "steps ", "rows to score")
          .doesNotContain("\n");
    }
  }

  @Test
  void answersScoresAndEmbeddingsStayWithinIt() {
    long least;
    List<RowScore> roomy;
    float[] mean;
    int[] text = IntStream.range(0, LENGTH).map(i -> 5 + i % 40).toArray();
    try (Session session = session(ADAPTER, 256L << 20)) {
      roomy = session.score(rows, 2, row -> {});
      mean = session.embed(text);
      Account account = session.account();
      long row = session.model().scoreBytes(256, 256);
      long embedding = session.model().embedBytes(LENGTH);
      least = account.bytes() - account.keys() + Math.max(row, embedding);
    }
    for (long memory : new long[] {least, 2 * least}) {
      try (Session session = session(ADAPTER, memory)) {
        session.complete("pump", SamplingSettings.greedy().withMaxTokens(20), piece -> {});
        assertThat(accounted()).isLessThanOrEqualTo(memory);
        assertThat(session.score(rows, 2, row -> {})).isEqualTo(roomy);
        assertThat(accounted()).isLessThanOrEqualTo(memory);
        assertThat(session.embed(text)).isEqualTo(mean);
        session.complete("pump", SamplingSettings.greedy().withMaxTokens(20), piece -> {});
        assertThat(accounted()).isLessThanOrEqualTo(memory);
      }
    }
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
              "a row of 212 tokens needs a workspace of .+ to be scored, and there is memory for .+; lower --max-length, or raise --memory");
    }
  }

  @Test
  void withoutItHalfOfTheRestIsSpare() {
    ModelSettings settings = ModelSettings.of(MODEL);
    long weights;
    try (Session session = Session.load(settings, null, MACHINE, warning -> {})) {
      weights = session.account().weights();
    }
    Machine small = new Machine(2, weights + 2000, Backends.cache(), "test");
    try (Session session = Session.load(settings, null, small, warning -> {})) {
      assertThat(session.account().keys()).isEqualTo(1000);
    }
  }
}
