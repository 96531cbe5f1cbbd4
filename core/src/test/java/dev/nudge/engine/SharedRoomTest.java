package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Latches;
import dev.nudge.Seeds;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Keys, rows to score and texts to embed share an amount of memory, and no result depends on it.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SharedRoomTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden/extras/untied/model");
  private static final long ROOMY = 256L << 20;
  private static final int LANES = 3;

  /// Alignment of the pool's tensors, and scratch of each thread's products by oneDNN, which no
  /// account has.
  private static final int PADDING = 65_536;

  private final long before = Ledger.bytes();
  private final Random random = new Random(Seeds.next());
  private final ModelConfig config = ModelConfig.load(FOLDER);
  private final CausalLm model = Checkpoint.load(FOLDER, config, Backends.of(Compute.FP32));
  private final NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
  private final List<Example> rows =
      IntStream.range(0, 40).mapToObj(i -> Example.of(prompt(2 + 97 * i % 700))).toList();
  private final int longest = rows.stream().mapToInt(Example::length).max().orElseThrow();

  @AfterEach
  void close() {
    none.close();
    model.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private int[] prompt(int tokens) {
    return random.ints(tokens, 0, config.vocabSize()).toArray();
  }

  private Engine engine(long keyBytes) {
    return new Engine(model, none, new Limits(2, keyBytes, 256, false));
  }

  private long scoreBytes(int tokens) {
    model.reserve(tokens);
    return model.measured().scoreBytes(tokens, tokens);
  }

  private ScoreJob job() {
    return new ScoreJob(rows, LANES, null, new Ticket(() -> {}));
  }

  @Test
  void batchesGetSmallerAndThenLanesFewer() {
    try (ScoreRoom room = new ScoreRoom(model, 2)) {
      long whole = scoreBytes(2048);
      long least = scoreBytes(longest);
      assertThat(least).isLessThan(whole);
      assertThat(room.within(LANES * whole, job()))
          .isEqualTo(new ScoreRoom.Size(LANES, 2048, whole));
      ScoreRoom.Size smaller = Objects.requireNonNull(room.within(LANES * whole - 1, job()));
      assertThat(smaller.lanes()).isEqualTo(LANES);
      assertThat(smaller.budget()).isBetween(2048 - 65, 2047);
      for (int lanes = 1; lanes <= LANES; lanes++) {
        assertThat(room.within(lanes * least, job()))
            .isEqualTo(new ScoreRoom.Size(lanes, longest, least));
      }
      assertThat(room.within(least - 1, job())).isNull();
    }
  }

  @Test
  void scoresAreTheSameHoweverLittleMemoryThereIs() {
    List<RowScore> roomy;
    try (Engine engine = engine(ROOMY)) {
      roomy = engine.score(rows, LANES, null);
    }
    long least = scoreBytes(longest);
    long held = Workspaces.bytes();
    for (long bytes : new long[] {LANES * scoreBytes(1000), LANES * least, 2 * least, least}) {
      try (Engine engine = engine(bytes)) {
        assertThat(engine.score(rows, LANES, null)).as("%,d bytes", bytes).isEqualTo(roomy);
        assertThat(Workspaces.bytes() - held).isBetween(least, bytes);
      }
    }
  }

  @Test
  void rowsAndTextsThatFitNowhereAreRefusedAndTheEngineGoesOn() {
    long least = scoreBytes(longest);
    try (Engine engine = engine(least - 1)) {
      assertThatThrownBy(() -> engine.score(rows, LANES, null))
          .isInstanceOf(InputException.class)
          .hasMessageMatching(
              "a row of "
                  + longest
                  + " tokens needs a workspace of \\S+ \\S+ to be scored, and there is memory for"
                  + " \\S+ \\S+; lower --max-length, or raise --memory");
      assertThat(engine.score(rows.subList(0, 1), LANES, null)).hasSize(1);
    }
    int[] text = prompt(900);
    model.reserve(text.length);
    long needed = model.measured().embedBytes(text.length);
    try (Engine engine = engine(needed - 1)) {
      assertThatThrownBy(() -> engine.embed(text, null))
          .isInstanceOf(InputException.class)
          .hasMessageMatching(
              "a text of 900 tokens needs a workspace of \\S+ \\S+ to be embedded, and there is"
                  + " memory for \\S+ \\S+; shorten it or raise --memory");
      assertThat(engine.embed(prompt(5), null)).hasSize(config.hiddenSize());
    }
    try (Engine engine = engine(needed)) {
      assertThat(engine.embed(text, null)).hasSize(config.hiddenSize());
    }
  }

  /// What is said does not depend on who has the room, and all of them together never have more.
  @Test
  void sequencesRowsAndTextsTakeTurnsWhereTheyDoNotFitBesideEachOther() throws Exception {
    List<int[]> prompts = IntStream.range(0, 12).mapToObj(i -> prompt(100 + 9 * i)).toList();
    int[] text = prompt(600);
    List<RowScore> scores;
    float[] mean;
    List<List<Integer>> said = new ArrayList<>();
    try (Engine engine = engine(ROOMY)) {
      scores = engine.score(rows, 2, null);
      mean = engine.embed(text, null);
      for (int[] p : prompts) {
        said.add(new ArrayList<>());
        engine.submit(p, p.length + 40, null, likeliest(said.getLast())).await();
      }
    }
    long steps = new Limits(2, 0, 256, false).stepBytes(model);
    long sequence = model.keyValueBytes(256);
    long bytes = Math.max(scoreBytes(longest) + sequence / 2, 2 * sequence);
    long held = Ledger.bytes();
    try (Engine engine = engine(bytes)) {
      engine.keepKeys();
      var _ = Ledger.most();
      List<List<Integer>> again = new ArrayList<>();
      List<Ticket> tickets = new ArrayList<>();
      List<CompletableFuture<?>> beside = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        int[] p = prompts.get(i);
        again.add(new ArrayList<>());
        tickets.add(engine.submit(p, p.length + 40, null, likeliest(again.getLast())));
        if (i % 3 == 0) {
          beside.add(
              CompletableFuture.runAsync(
                  () -> assertThat(engine.score(rows, 2, null)).isEqualTo(scores)));
          beside.add(
              CompletableFuture.runAsync(
                  () -> assertThat(engine.embed(text, null)).isEqualTo(mean)));
        }
      }
      tickets.forEach(Ticket::await);
      for (CompletableFuture<?> done : beside) {
        done.get();
      }
      assertThat(again).isEqualTo(said);
      assertThat(Ledger.most() - held).isBetween(scoreBytes(longest), bytes + steps + PADDING);
      assertThat(engine.load().keyBlocksUsed()).isZero();
    }
  }

  @Test
  void whereKeysGetLessMemoryWhatFitsNoMoreIsRefusedAndKeptKeysGo() {
    long block = model.keyValueBytes(Limits.BLOCK);
    try (Engine engine = engine(4 * block)) {
      List<Integer> said = new ArrayList<>();
      engine.submit(prompt(150), 200, null, likeliest(said)).await();
      assertThat(engine.blocksHeld()).isGreaterThan(2);
      CountDownLatch in = new CountDownLatch(1);
      CountDownLatch go = new CountDownLatch(1);
      Thread.startVirtualThread(
          () ->
              engine.between(
                  () -> {
                    in.countDown();
                    Latches.await(go);
                  }));
      Latches.await(in);
      Ticket late = engine.submit(prompt(150), 200, null, likeliest(said));
      engine.keyBytes(2 * block);
      go.countDown();
      assertThatThrownBy(late::await)
          .isInstanceOf(NoRoomException.class)
          .hasMessageContaining("there is memory for 2");
      assertThatThrownBy(() -> engine.submit(prompt(150), 200, null, likeliest(said)))
          .isInstanceOf(NoRoomException.class);
      engine.submit(prompt(50), 100, null, likeliest(said)).await();
      assertThat(engine.blocksHeld()).isLessThanOrEqualTo(2);
    }
  }

  private static Caller likeliest(List<Integer> said) {
    return (all, row, ids, count) -> {
      int best = Likeliest.of(all, row);
      said.add(best);
      return said.size() % 30 == 0 ? Caller.END : best;
    };
  }
}
