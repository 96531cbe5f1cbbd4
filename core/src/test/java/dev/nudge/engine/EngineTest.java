package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Latches;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// One model and many callers: what a sequence says does not depend on what is beside it.
class EngineTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden/extras/untied");
  private static final List<String> ADAPTERS =
      List.of("lora-head", "lora-both", "save-both", "save-norms-and-layer");
  private static final long ROOMY = 64L << 20;

  @TempDir private Path folder;

  private final long before = Ledger.bytes();
  private final Random random = new Random(Seeds.next());
  private final ModelConfig config = ModelConfig.load(FOLDER.resolve("model"));
  private final CausalLm model =
      Checkpoint.load(FOLDER.resolve("model"), config, Backends.of(Compute.FP32));
  private final NamedAdapters adapters =
      new NamedAdapters(model.modules(), model.backend().compute());

  @AfterEach
  void close() {
    adapters.close();
    model.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
    assertThat(Thread.getAllStackTraces().keySet().stream().map(Thread::getName))
        .noneMatch(name -> name.equals("engine"));
  }

  /// Takes the likeliest token, `most` times.
  private static final class Greedy implements Caller {
    final List<Integer> said = new ArrayList<>();
    final List<Float> logits = new ArrayList<>();
    private final int most;

    Greedy(int most) {
      this.most = most;
    }

    @Override
    public int next(Tensor all, int row, int[] ids, int count) {
      int best = Likeliest.of(all, row);
      said.add(best);
      logits.add((float) all.get(row, best));
      return said.size() == most ? END : best;
    }
  }

  private Engine engine(long keyBytes, boolean speculate) {
    return new Engine(model, adapters, new Limits(2, keyBytes, 256, speculate));
  }

  private int[] prompt(int tokens) {
    return random.ints(tokens, 0, config.vocabSize()).toArray();
  }

  private void attach() {
    for (String name : ADAPTERS) {
      try (PeftAdapter peft = PeftAdapter.open(FOLDER.resolve(name).resolve("final"))) {
        adapters.attach(name, peft);
      }
    }
    try (PeftAdapter peft = PeftAdapter.open(FOLDER.resolve("lora-head/init"))) {
      adapters.attach("another", peft);
    }
    adapters.disable();
  }

  @Test
  void whatASequenceSaysDoesNotDependOnWhatIsBesideIt() {
    attach();
    List<String> names = new ArrayList<>(ADAPTERS);
    names.add("another");
    names.add(null);
    List<int[]> prompts = IntStream.range(0, 60).mapToObj(i -> prompt(1 + i * 3)).toList();
    List<Greedy> alone = new ArrayList<>();
    try (Engine engine = engine(ROOMY, false)) {
      for (int i = 0; i < prompts.size(); i++) {
        alone.add(new Greedy(1 + i % 25));
        String name = names.get(i % names.size());
        engine.submit(prompts.get(i), prompts.get(i).length + 30, name, alone.getLast()).await();
      }
    }
    for (boolean speculate : new boolean[] {false, true}) {
      try (Engine engine = engine(ROOMY, speculate)) {
        List<Ticket> tickets = new ArrayList<>();
        List<Greedy> among = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
          among.add(new Greedy(1 + i % 25));
          String name = names.get(i % names.size());
          tickets.add(
              engine.submit(prompts.get(i), prompts.get(i).length + 30, name, among.getLast()));
        }
        tickets.forEach(Ticket::await);
        for (int i = 0; i < prompts.size(); i++) {
          assertThat(among.get(i).logits).as("prompt %d", i).isEqualTo(alone.get(i).logits);
          assertThat(among.get(i).said).isEqualTo(alone.get(i).said);
        }
      }
    }
    assertThat(names.stream().map(name -> first(alone, names, name)).distinct().count())
        .isGreaterThan(3); // adapters do something
  }

  private static Object first(List<Greedy> all, List<String> names, String name) {
    return all.get(24 + names.indexOf(name)).logits.getFirst();
  }

  /// Those who want nothing any more are forgotten, and not the one who comes.
  @Test
  void moreClientsThanAreRememberedAreAllAnswered() {
    try (Engine engine = engine(ROOMY, false)) {
      for (int i = 0; i < 1100; i++) {
        SequenceRequest ask =
            new SequenceRequest(
                prompt(2), 8, NamedAdapters.Attachment.BASE, "client " + i, false, false);
        Greedy one = new Greedy(1);
        engine.submit(ask, one).await();
        assertThat(one.said).hasSize(1);
      }
    }
  }

  @Test
  void rowsAreScoredBesideAnswersWithTheBitsThatTheyHaveAlone() {
    attach();
    List<Example> rows =
        IntStream.range(0, 40).mapToObj(i -> Example.of(prompt(2 + 97 * i % 700))).toList();
    List<int[]> prompts = IntStream.range(0, 12).mapToObj(i -> prompt(1 + 7 * i)).toList();
    for (String name : Arrays.asList("lora-head", "save-both", null)) {
      List<RowScore> alone;
      List<Greedy> said = new ArrayList<>();
      try (Engine engine = engine(ROOMY, false)) {
        alone = engine.score(rows, 2, name);
        prompts.forEach(
            p -> {
              said.add(new Greedy(60));
              engine.submit(p, p.length + 60, "another", said.getLast()).await();
            });
      }
      try (Engine engine = engine(ROOMY, true)) {
        List<Greedy> again = new ArrayList<>();
        List<Ticket> tickets = new ArrayList<>();
        for (int[] p : prompts) {
          again.add(new Greedy(60));
          tickets.add(engine.submit(p, p.length + 60, "another", again.getLast()));
        }
        assertThat(engine.score(rows, 2, name)).isEqualTo(alone);
        tickets.forEach(Ticket::await);
        for (int i = 0; i < said.size(); i++) {
          assertThat(again.get(i).logits).as("prompt %d", i).isEqualTo(said.get(i).logits);
        }
      }
      assertThat(alone.stream().mapToInt(RowScore::tokens).sum())
          .isEqualTo(rows.stream().mapToInt(row -> row.length() - 1).sum());
    }
  }

  @Test
  void scoringEndsWithAnInterruptAndWithTheEngine() throws InterruptedException {
    List<Example> rows = IntStream.range(0, 400).mapToObj(i -> Example.of(prompt(300))).toList();
    List<List<RowScore>> got = new ArrayList<>();
    try (Engine engine = engine(ROOMY, false)) {
      Thread caller =
          new Thread(
              () -> {
                Thread.currentThread().interrupt();
                got.add(engine.score(rows, 2, null));
                got.add(Thread.currentThread().isInterrupted() ? List.of() : null);
              });
      caller.start();
      caller.join();
      assertThat(got).containsExactly(List.of(), List.of());
      assertThat(engine.score(rows.subList(0, 3), 3, null)).hasSize(3);
      assertThat(engine.score(List.of(), 3, null)).isEmpty();
    }
    Engine closed = engine(ROOMY, false);
    closed.close();
    assertThatThrownBy(() -> closed.score(rows, 2, null)).hasMessageContaining("closed");
  }

  @Test
  void promptsWithACommonStartShareItsKeys() {
    int[] start = prompt(200);
    Greedy alone = new Greedy(5);
    int[] first = Arrays.copyOf(start, 230);
    Arrays.fill(first, 200, 230, 7);
    try (Engine engine = engine(ROOMY, false)) {
      engine.submit(first, 240, null, alone).await();
    }
    try (Engine engine = engine(ROOMY, false)) {
      List<Ticket> tickets = new ArrayList<>();
      List<Greedy> all = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        int[] other = Arrays.copyOf(start, 205 + i);
        all.add(new Greedy(5));
        tickets.add(engine.submit(i == 10 ? first : other, 240, null, all.getLast()));
      }
      tickets.forEach(Ticket::await);
      assertThat(all.get(10).logits).isEqualTo(alone.logits);
      // three blocks of the common start once, and one or two of its own for each of the others
      assertThat(engine.blocksHeld()).isLessThan(4 + 3 * 20);
    }
  }

  /// @param cached tokens whose keys must be there; −1: any
  private Greedy ask(Engine engine, int[] prompt, @Nullable String adapter, int cached) {
    Greedy said = new Greedy(12);
    Ticket ticket = engine.submit(prompt, prompt.length + 12, adapter, said);
    ticket.await();
    assertThat(ticket.times().cached())
        .isBetween(cached < 0 ? 0 : cached, cached < 0 ? 192 : cached);
    return said;
  }

  @Test
  void keysOfPromptsStayAndAnswersKeepTheirBits() {
    attach();
    int[] start = prompt(200);
    List<int[]> prompts = new ArrayList<>();
    for (int tokens : new int[] {40, 230, 200, 192, 193, 120, 250, 230}) {
      int[] prompt = Arrays.copyOf(start, tokens);
      for (int i = 200; i < tokens; i++) {
        prompt[i] = random.nextInt(config.vocabSize());
      }
      prompts.add(prompt);
    }
    int[] there = {0, 0, 192, 128, 192, 64, 192, 192}; // whole blocks, and one token is read
    for (boolean roomy : new boolean[] {false, true}) {
      try (Engine warm = engine(ROOMY, true)) {
        if (roomy) {
          warm.keepKeys();
        }
        for (String name : Arrays.asList("lora-head", null, "another", "save-both")) {
          for (int i = 0; i < there.length; i++) {
            Greedy said = ask(warm, prompts.get(i), name, roomy ? there[i] : -1);
            try (Engine cold = engine(ROOMY, true)) {
              Greedy alone = ask(cold, prompts.get(i), name, 0);
              assertThat(said.logits).as("%s, prompt %d", name, i).isEqualTo(alone.logits);
              assertThat(said.said).isEqualTo(alone.said);
            }
          }
        }
        int all = 4 * Arrays.stream(there).sum();
        assertThat(warm.load().cachedTokens()).isBetween(roomy ? all : all / 2L, (long) all);
        assertThat(warm.load().keyBlocksUsed()).isZero();
      }
    }
  }

  @Test
  void keptKeysGoWhereOthersWantTheirRoomAndWithTheirAdapter() {
    attach();
    long block = model.keyValueBytes(Limits.BLOCK);
    int[] first = prompt(140);
    int[] second = prompt(140);
    try (Engine engine = engine(6 * block, true)) {
      engine.keepKeys();
      ask(engine, first, "another", 0);
      ask(engine, second, null, 0);
      ask(engine, first, "another", 128);
      int held = engine.blocksHeld();
      for (int i = 0; i < 20; i++) {
        ask(engine, prompt(300), null, 0);
      }
      assertThat(engine.blocksHeld()).isBetween(held, 6);
      ask(engine, first, "another", 0); // others had its room
      engine.detach("another");
      try (PeftAdapter peft = PeftAdapter.open(FOLDER.resolve("lora-head/init"))) {
        engine.between(() -> adapters.attach("another", adapters.make(peft)));
      }
      ask(engine, first, "another", 0); // it is another one
      ask(engine, first, "another", 128);
    }
  }

  @Test
  void sequencesWaitForRoomAndOneThatNeverFitsIsRefused() {
    long block = model.keyValueBytes(Limits.BLOCK);
    try (Engine engine = engine(3 * block, false)) {
      List<Ticket> tickets = new ArrayList<>();
      List<Greedy> all = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        all.add(new Greedy(10));
        tickets.add(engine.submit(prompt(60 + 10 * i % 40), 128, null, all.getLast()));
      }
      tickets.forEach(Ticket::await);
      assertThat(all).allMatch(g -> g.said.size() == 10);
      assertThat(engine.blocksHeld()).isBetween(2, 3);
      assertThatThrownBy(() -> engine.submit(prompt(5), 193, null, new Greedy(1)))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(
              "a sequence of up to 193 tokens needs 4 blocks of keys and values (64 tokens and ")
          .hasMessageContaining(" each), and there is memory for 3; ")
          .hasMessageEndingWith("lower --max-tokens, shorten the prompt or raise --memory");
    }
  }

  private SequenceRequest asked(int[] prompt, int tokens, String client, boolean low) {
    return new SequenceRequest(
        prompt, prompt.length + tokens, NamedAdapters.Attachment.BASE, client, low, false);
  }

  /// Notes when a sequence ends.
  private static Caller noting(String name, int tokens, List<String> ended) {
    Greedy greedy = new Greedy(tokens);
    return new Caller() {
      @Override
      public int next(Tensor logits, int row, int[] ids, int count) {
        return greedy.next(logits, row, ids, count);
      }

      @Override
      public void ended(@Nullable Throwable failure) {
        ended.add(failure == null ? name : name + " failed");
      }
    };
  }

  /// Asks for a and those behind it in a few places.
  ///
  /// @param patient which of them
  /// @return who said each token
  private List<String> order(
      int places, List<int[]> prompts, List<Greedy> greedy, IntPredicate patient)
      throws InterruptedException {
    List<String> said = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch runs = new CountDownLatch(1);
    CountDownLatch all = new CountDownLatch(1);
    try (Engine engine =
        new Engine(model, adapters, new Limits(2, ROOMY, 256, false).withSequences(places))) {
      List<Ticket> tickets = new ArrayList<>();
      Caller gate =
          (logits, row, ids, count) -> {
            runs.countDown();
            Latches.await(all);
            return Caller.END;
          };
      tickets.add(engine.submit(prompt(3), 20, null, gate));
      runs.await();
      for (int i = 0; i < prompts.size(); i++) {
        String name = Character.toString('a' + i);
        Greedy own = greedy.get(i);
        Caller caller =
            (logits, row, ids, count) -> {
              said.add(name);
              return own.next(logits, row, ids, count);
            };
        SequenceRequest ask = asked(prompts.get(i), 50, "", false);
        tickets.add(engine.submit(patient.test(i) ? ask.patiently() : ask, caller));
      }
      all.countDown();
      tickets.forEach(Ticket::await);
    }
    return said;
  }

  private static List<Greedy> greedy(List<Integer> tokens) {
    return tokens.stream().map(Greedy::new).toList();
  }

  @Test
  void patientPromptsAreReadTogetherAndSayWhatTheySayAlone() throws InterruptedException {
    List<Integer> tokens = List.of(2, 8, 24, 24, 3, 3, 3, 3); // in four places
    List<int[]> prompts = tokens.stream().map(n -> prompt(5 + 30 * n % 90)).toList();
    List<Greedy> greedy = greedy(tokens);
    List<String> patient = order(4, prompts, greedy, i -> true);
    assertThat(patient.indexOf("e")).isGreaterThan(patient.lastIndexOf("b"));
    assertThat(patient.indexOf("f")).isEqualTo(patient.indexOf("e") + 1);
    List<String> hasty = order(4, prompts, greedy(tokens), i -> false);
    assertThat(hasty.indexOf("e")).isLessThan(hasty.lastIndexOf("b"));
    try (Engine engine = engine(ROOMY, false)) {
      for (int i = 0; i < prompts.size(); i++) {
        Greedy alone = new Greedy(tokens.get(i));
        engine.submit(prompts.get(i), prompts.get(i).length + 30, null, alone).await();
        assertThat(greedy.get(i).said).isEqualTo(alone.said);
        assertThat(greedy.get(i).logits).isEqualTo(alone.logits);
      }
    }
  }

  @Test
  void patientPromptsThatFillAPassAreReadBeforeOthersCome() throws InterruptedException {
    List<Integer> tokens = List.of(2, 8, 24, 24, 3, 3, 3, 3);
    for (int length : new int[] {Limits.READ - 1, Limits.READ}) {
      List<int[]> prompts =
          IntStream.range(0, tokens.size()).mapToObj(i -> prompt(i == 4 ? length : 9)).toList();
      List<String> said = order(4, prompts, greedy(tokens), i -> true);
      if (length < Limits.READ) {
        assertThat(said.indexOf("e")).isGreaterThan(said.lastIndexOf("b"));
      } else {
        assertThat(said.indexOf("e")).isLessThan(said.lastIndexOf("b"));
      }
    }
  }

  @Test
  void aPromptThatMayNotWaitIsReadAtOnceWithThoseThatWait() throws InterruptedException {
    // in eight places: a ends, so i comes, then b ends, so j comes, and c to h go on
    List<Integer> tokens = List.of(2, 8, 40, 40, 40, 40, 40, 40, 3, 3, 3, 3, 3);
    List<int[]> prompts = tokens.stream().map(n -> prompt(9)).toList();
    List<String> patient = order(8, prompts, greedy(tokens), i -> true);
    assertThat(patient.indexOf("j")).isGreaterThan(patient.lastIndexOf("c"));
    List<String> mixed = order(8, prompts, greedy(tokens), i -> i != 9);
    assertThat(mixed.indexOf("i")).isGreaterThan(mixed.lastIndexOf("b"));
    assertThat(mixed.indexOf("j")).isBetween(mixed.indexOf("i") - 1, mixed.indexOf("i") + 1);
    // all of c to h say one token a step: not one more has been said than a step's
    assertThat(mixed.subList(mixed.lastIndexOf("b"), mixed.indexOf("j"))).hasSizeLessThan(2 * 8);
  }

  @Test
  void aClientThatAsksForMuchDoesNotHoldUpOneThatAsksForLittle() {
    long block = model.keyValueBytes(Limits.BLOCK);
    List<String> ended = Collections.synchronizedList(new ArrayList<>());
    try (Engine engine = engine(block, false)) { // one sequence at a time
      List<Ticket> tickets = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        tickets.add(engine.submit(asked(prompt(20), 20, "much", false), noting("much", 20, ended)));
      }
      for (int i = 0; i < 3; i++) {
        tickets.add(
            engine.submit(asked(prompt(9), 9, "little", false), noting("little", 9, ended)));
      }
      assertThat(engine.load().waiting()).isGreaterThan(10);
      tickets.forEach(Ticket::await);
      assertThat(engine.load().waiting()).isZero();
    }
    // the first of the other may run already, and one more where it has had less
    assertThat(ended.lastIndexOf("little")).isLessThan(8);
    assertThat(ended).hasSize(23);
  }

  @Test
  void lowPriorityWaitsForOthersAndGivesThemItsRoom() throws InterruptedException {
    long block = model.keyValueBytes(Limits.BLOCK);
    List<String> ended = Collections.synchronizedList(new ArrayList<>());
    try (Engine engine = engine(5 * block, false)) {
      List<Ticket> tickets = new ArrayList<>();
      CountDownLatch asked = new CountDownLatch(1);
      CountDownLatch runs = new CountDownLatch(1);
      CountDownLatch begun = new CountDownLatch(1);
      Thread gate = busy(engine, asked);
      Caller slow = noting("low 1", 100, ended);
      tickets.add(
          engine.submit(
              asked(prompt(5), 100, "", true), // two blocks
              new Caller() {
                @Override
                public int next(Tensor logits, int row, int[] ids, int count) {
                  runs.countDown();
                  Latches.await(begun);
                  return slow.next(logits, row, ids, count);
                }

                @Override
                public void ended(@Nullable Throwable failure) {
                  slow.ended(failure);
                }
              }));
      tickets.add(engine.submit(asked(prompt(5), 20, "", true), noting("low 2", 20, ended)));
      asked.countDown(); // both get room
      gate.join();
      Latches.await(runs); // or the others might come with them, and go first
      tickets.add(engine.submit(asked(prompt(5), 20, "a", false), noting("high 1", 20, ended)));
      tickets.add(engine.submit(asked(prompt(5), 90, "a", false), noting("high 2", 90, ended)));
      begun.countDown();
      assertThatThrownBy(tickets.get(1)::await).isInstanceOf(BusyException.class);
      tickets.remove(1);
      tickets.forEach(Ticket::await);
    }
    assertThat(ended).containsExactly("low 2 failed", "high 1", "high 2", "low 1");
  }

  /// Keeps an engine from its next step.
  private static Thread busy(Engine engine, CountDownLatch until) {
    CountDownLatch in = new CountDownLatch(1);
    Thread gate =
        Thread.startVirtualThread(
            () ->
                engine.between(
                    () -> {
                      in.countDown();
                      Latches.await(until);
                    }));
    Latches.await(in);
    return gate;
  }

  @Test
  void aLongPromptDoesNotHoldUpAShortOneOfAnotherClient() throws InterruptedException {
    List<String> ended = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch asked = new CountDownLatch(1);
    try (Engine engine = engine(ROOMY, false)) {
      Thread gate = busy(engine, asked);
      List<Ticket> tickets = new ArrayList<>();
      int[] most = prompt(3000); // read in six steps
      tickets.add(engine.submit(asked(most, 1, "a", false), noting("long", 1, ended)));
      tickets.add(engine.submit(asked(prompt(20), 2, "b", false), noting("short", 2, ended)));
      asked.countDown();
      gate.join();
      tickets.forEach(Ticket::await);
    }
    assertThat(ended).containsExactly("short", "long");
  }

  @Test
  void aStepOfTheBaseAloneGoesThroughNoAdapter() {
    List<Linear> bare = model.slots().stream().map(LinearSlot::linear).toList();
    attach();
    List<Boolean> same = new ArrayList<>();
    Caller looks =
        (logits, row, ids, count) -> {
          same.add(model.slots().stream().map(LinearSlot::linear).toList().equals(bare));
          return count == 9 ? Caller.END : 1;
        };
    try (Engine engine = engine(ROOMY, false)) {
      engine.submit(prompt(5), 20, null, looks).await();
      assertThat(same).hasSize(5).containsOnly(true);
      engine.submit(prompt(9), 20, "another", looks).await();
      assertThat(same.getLast()).isFalse();
    }
  }

  @Test
  void wideAdaptersFindRoomInAStep() {
    List<int[]> prompts = List.of(prompt(500), prompt(7), prompt(300));
    Path wide = folder.resolve("wide");
    try (Scope scope = Scope.open("wide")) {
      Lora lora = Lora.of(16, 160, Targets.parse("all-linear"));
      Adapters made =
          Adapters.attach(model.modules(), lora, 3, model.backend().compute(), 0, scope);
      made.parameters().forEach(p -> fill(p.master()));
      made.save(wide, "test");
      made.detach();
    }
    attach();
    try (PeftAdapter peft = PeftAdapter.open(wide)) {
      adapters.attach("wide", adapters.make(peft));
    }
    List<Greedy> alone = new ArrayList<>();
    List<Greedy> among = new ArrayList<>();
    List<String> names = Arrays.asList("wide", null, "another");
    try (Engine engine = engine(ROOMY, false)) {
      for (int i = 0; i < 9; i++) {
        alone.add(ask(engine, prompts.get(i / 3), names.get(i % 3), 0));
      }
    }
    try (Engine engine = engine(ROOMY, true)) {
      List<Ticket> tickets = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        among.add(new Greedy(12));
        int[] prompt = prompts.get(i / 3);
        tickets.add(engine.submit(prompt, prompt.length + 12, names.get(i % 3), among.getLast()));
      }
      tickets.forEach(Ticket::await);
    }
    for (int i = 0; i < 9; i++) {
      assertThat(among.get(i).logits).as("sequence %d", i).isEqualTo(alone.get(i).logits);
    }
    assertThat(alone.get(0).logits).isNotEqualTo(alone.get(1).logits);
  }

  private void fill(Tensor master) {
    for (long i = 0; i < master.elements(); i++) {
      master.put(i, random.nextGaussian() * 0.01);
    }
  }

  @Test
  void aCancelledSequenceEndsWithinAStepAndGivesItsRoomBack() {
    try (Engine engine = engine(ROOMY, false)) {
      CompletableFuture<Ticket> own = new CompletableFuture<>();
      int[] asked = new int[1];
      Ticket endless =
          engine.submit(
              prompt(3),
              4000,
              null,
              (logits, row, ids, count) -> {
                if (++asked[0] == 3) {
                  own.join().cancel();
                }
                return 1;
              });
      own.complete(endless);
      endless.await();
      assertThat(asked[0]).isEqualTo(3);
      engine.submit(prompt(3), 10, null, new Greedy(3)).await();
      assertThat(asked[0]).isEqualTo(3);
    }
  }

  @Test
  void aCallerThatFailsEndsItsOwnSequenceOnly() {
    try (Engine engine = engine(ROOMY, true)) {
      Greedy good = new Greedy(30);
      Ticket other = engine.submit(prompt(5), 40, null, good);
      Ticket bad =
          engine.submit(
              prompt(5),
              40,
              null,
              (logits, row, ids, count) -> {
                throw new IllegalStateException("no");
              });
      assertThatThrownBy(bad::await).hasMessage("no");
      other.await();
      assertThat(good.said).hasSize(30);
    }
  }

  @Test
  void aClosedEngineEndsWhatWaitsAndTakesNothingMore() {
    Engine engine = engine(ROOMY, true);
    Ticket endless = engine.submit(prompt(3), 4000, null, (logits, row, ids, count) -> 1);
    engine.close();
    assertThatThrownBy(endless::await).hasMessage("the engine is closed");
    assertThatThrownBy(engine.submit(prompt(3), 9, null, new Greedy(2))::await)
        .hasMessage("the engine is closed");
  }

  @Test
  void tenThousandCallsLeaveNothingBehind() {
    try (Engine engine = engine(ROOMY, true)) {
      int[] prompt = prompt(3);
      long after = 0;
      for (int i = 0; i < 10_000; i++) {
        engine.submit(prompt, 6, null, new Greedy(2)).await();
        after = i == 100 ? Ledger.bytes() : after;
      }
      assertThat(Ledger.bytes()).isEqualTo(after);
      assertThat(engine.blocksHeld()).isEqualTo(1);
    }
  }
}
