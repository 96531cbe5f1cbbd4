package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.RowScore;
import dev.nudge.generate.Likelihoods.Item;
import dev.nudge.generate.Likelihoods.Score;
import dev.nudge.machine.Machine;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Scores texts behind contexts that they share.
class LikelihoodsTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  private final long before = Ledger.bytes();
  private final Random random = new Random(Seeds.next());
  private Session session;

  @BeforeEach
  void open() {
    session =
        Session.load(
            new ModelSettings(MODEL, null, null, Compute.FP32, null, null, null, false),
            null,
            MACHINE,
            warning -> {});
  }

  @AfterEach
  void close() {
    session.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  /// Questions with choices: some contexts of several blocks, some of a few tokens, choices of one
  /// token and of many, one of several blocks, the same twice.
  private List<Item> items() {
    List<Item> items = new ArrayList<>();
    for (int context : new int[] {1, 3, 63, 64, 65, 128, 200, 300}) {
      int[] shared = draw(context);
      for (int length : new int[] {1, 1, 2, 7, 70}) {
        int[] ids = Arrays.copyOf(shared, context + length);
        System.arraycopy(draw(length), 0, ids, context, length);
        items.add(new Item(ids, context));
      }
      items.add(items.getLast());
    }
    return items;
  }

  private int[] draw(int count) {
    return random.ints(count, 3, 320).toArray();
  }

  private Score[] scores(List<Item> items) {
    Score[] scores = new Score[items.size()];
    Likelihoods.of(
        session,
        null,
        items,
        (score, i) -> {
          assertThat(scores[i]).as("told once").isNull();
          scores[i] = score;
        });
    return scores;
  }

  @Test
  void theyAreThoseOfRowsThatAreScoredWhole() {
    List<Item> items = items();
    List<Example> rows = new ArrayList<>();
    for (Item item : items) {
      rows.add(Example.from(item.ids(), item.from(), rows.size()));
    }
    List<RowScore> whole = session.score(rows, 2, null, row -> {});
    Score[] scores = scores(items);
    for (int i = 0; i < scores.length; i++) {
      assertThat(scores[i].logprob())
          .as("item " + i)
          .isCloseTo(whole.get(i).logprob(), within(2e-5 * whole.get(i).tokens()));
      assertThat(scores[i].greedy()).isEqualTo(whole.get(i).greedy());
    }
  }

  @Test
  void theyHaveTheSameBitsAloneAndAmongOthers() {
    List<Item> items = items();
    Score[] together = scores(items);
    for (int i = 0; i < items.size(); i += 3) {
      assertThat(scores(List.of(items.get(i)))).containsExactly(together[i]);
    }
  }

  @Test
  void aContextIsReadOnceForAllItsChoices() {
    List<Item> items = new ArrayList<>();
    int[] shared = draw(256);
    for (int i = 0; i < 10; i++) {
      int[] ids = Arrays.copyOf(shared, 259);
      System.arraycopy(draw(3), 0, ids, 256, 3);
      items.add(new Item(ids, 256));
    }
    scores(items);
    assertThat(session.engine().load().cachedTokens()).isZero();
    assertThat(session.engine().load().promptTokens()).isEqualTo(256 + 10 * 2);
  }

  @Test
  void aGreedyTokenIsFoundToBeOne() {
    String said =
        new Generation(session, dev.nudge.settings.verb.SamplingSettings.greedy().withMaxTokens(4))
            .complete("pump", piece -> {})
            .text();
    int[] prompt = session.tokenizer().ids("pump");
    int[] whole = session.tokenizer().ids("pump" + said);
    Item item = new Item(Arrays.copyOf(whole, prompt.length + 1), prompt.length);
    assertThat(scores(List.of(item))[0].greedy()).isTrue();
    int[] other = item.ids().clone();
    other[prompt.length] = (other[prompt.length] + 1) % 320;
    assertThat(scores(List.of(new Item(other, prompt.length)))[0].greedy()).isFalse();
  }

  @Test
  void nothingToScoreIsRefused() {
    assertThatThrownBy(() -> new Item(new int[] {1, 2}, 2)).hasMessage("of 2 tokens from 2");
    assertThatThrownBy(() -> new Item(new int[] {1, 2}, 0)).hasMessage("of 2 tokens from 0");
  }

  static Stream<Path> turning() throws IOException {
    return GoldenFamilies.models().stream()
        .filter(folder -> ModelConfig.load(folder).turnsAnew(1, 100_000));
  }

  /// Their tokens are turned by the length of the text, so none is read behind a shorter one's
  /// keys.
  @ParameterizedTest
  @MethodSource("turning")
  void textsThatTurnByTheirLengthAreReadFromTheirBeginning(Path folder) {
    session.close();
    session =
        Session.load(
            new ModelSettings(folder, null, null, Compute.FP32, null, null, 256, false),
            null,
            Tokenizer.load(MODEL),
            null,
            MACHINE,
            warning -> {});
    int vocabulary = session.config().vocabSize();
    List<Item> items = new ArrayList<>();
    List<Example> rows = new ArrayList<>();
    for (int context : new int[] {3, 20, 100, 140}) {
      int[] shared = random.ints(context, 3, vocabulary).toArray();
      for (int length : new int[] {1, 2, 5, 40, 70}) {
        int[] ids = Arrays.copyOf(shared, context + length);
        System.arraycopy(random.ints(length, 3, vocabulary).toArray(), 0, ids, context, length);
        items.add(new Item(ids, context));
        rows.add(Example.from(ids, context, rows.size()));
      }
    }
    Score[] scores = scores(items);
    List<RowScore> whole = session.score(rows, 2, null, row -> {});
    boolean byEachToken = folder.toString().contains("dynamic"); // a row has one more, its last
    for (int i = 0; i < scores.length; i++) {
      assertThat(scores(List.of(items.get(i)))).containsExactly(scores[i]);
      if (!byEachToken || !session.config().turnsAnew(1, items.get(i).ids().length)) {
        assertThat(scores[i].logprob())
            .as("item " + i)
            .isCloseTo(whole.get(i).logprob(), within(2e-5 * whole.get(i).tokens()));
      }
    }
  }

  /// A branch's tokens are no prompt's: what begins with them reads them itself.
  @Test
  void whatWasReadBehindAContextIsNotKeptAsAPrompts() {
    int[] context = draw(70);
    int[] longer = Arrays.copyOf(context, 300);
    System.arraycopy(draw(230), 0, longer, 70, 230);
    scores(List.of(new Item(longer, 70)));
    long before = session.engine().load().cachedTokens();
    scores(List.of(new Item(longer, 299)));
    assertThat(session.engine().load().cachedTokens() - before).isEqualTo(64);
  }

  /// More than one sequence reads at a time.
  @Test
  void aContextMayHaveAnyNumberOfChoices() {
    List<Item> items = new ArrayList<>();
    int[] context = draw(10);
    for (int i = 0; i < 200; i++) {
      int[] ids = Arrays.copyOf(context, 12 + i % 3);
      System.arraycopy(draw(2 + i % 3), 0, ids, 10, 2 + i % 3);
      items.add(new Item(ids, 10));
    }
    Score[] together = scores(items);
    for (int i = 0; i < items.size(); i += 17) {
      assertThat(scores(List.of(items.get(i)))).containsExactly(together[i]);
    }
  }

  /// A context with many choices is told choice by choice, so an interrupt loses few of them.
  @Test
  void anInterruptLeavesWhatIsKnown() {
    List<Item> items = new ArrayList<>();
    int[] context = draw(10);
    for (int i = 0; i < 60; i++) {
      int[] ids = Arrays.copyOf(context, 160);
      System.arraycopy(draw(150), 0, ids, 10, 150);
      items.add(new Item(ids, 10));
    }
    Score[] all = scores(items);
    List<Integer> said = new ArrayList<>();
    try {
      assertThatThrownBy(
              () ->
                  Likelihoods.of(
                      session,
                      null,
                      items,
                      (score, i) -> {
                        assertThat(score).isEqualTo(all[i]);
                        said.add(i);
                        Thread.currentThread().interrupt();
                      }))
          .isInstanceOf(RunException.class)
          .hasMessage("interrupted: some texts are not scored");
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(said).doesNotHaveDuplicates().hasSizeBetween(1, 59);
    assertThat(scores(items)).containsExactly(all);
  }

  /// Each request once kept a row of logits: thousands of them filled the heap.
  @Test
  void requestsShareTheNumbersOfTheVocabulary() {
    int count = 3000;
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      items.add(new Item(new int[] {3 + i % 300, 3 + i / 300, 4 + i % 7, 5}, 2));
    }
    scores(items.subList(0, 10)); // what is kept from the first call on
    long start = heap();
    long[] most = {0};
    Likelihoods.of(
        session,
        null,
        items,
        (score, i) -> most[0] = i % 1000 == 999 ? Math.max(most[0], heap()) : most[0]);
    long rows = (long) count * session.config().vocabSize() * Double.BYTES;
    assertThat(most[0] - start).as("bytes of the heap").isLessThan(rows);
  }

  private static long heap() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
