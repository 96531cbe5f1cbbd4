package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Machine;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Adapters come and go while a session answers.
@Timeout(1800)
class AdapterCacheTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final Path ADAPTER = GOLDEN.resolve("peft/all-linear/adapter");
  private static final Path OTHER = GOLDEN.resolve("peft/patterns-rslora/adapter");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  private final long before = Ledger.bytes();
  private Session session;
  private AdapterCache cache;

  @BeforeEach
  void open() {
    session = Session.load(ModelSettings.of(MODEL), null, MACHINE, warning -> {});
    cache = session.cache();
  }

  @AfterEach
  void close() {
    session.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static final class Last implements Consumer<AnswerEvent> {
    volatile Completion done = new Completion("", 0, Completion.Stop.INTERRUPTED);
    final CountDownLatch begun = new CountDownLatch(1);
    final AtomicInteger failures = new AtomicInteger();

    @Override
    public void accept(AnswerEvent event) {
      switch (event) {
        case AnswerEvent.Piece _ -> begun.countDown();
        case AnswerEvent.Done(int choice, Completion completion) -> done = completion;
        case AnswerEvent.Failed _ -> failures.incrementAndGet();
        case AnswerEvent.Prompted _, AnswerEvent.Ended _ -> {}
      }
    }
  }

  private GenerationRequest request(int tokens) {
    return GenerationRequest.of(
        session.encode("pump"), SamplingSettings.greedy().withMaxTokens(tokens));
  }

  private AdapterCache.Lease lease(String digest, Path folder) {
    return cache.lease(digest, folder, folder.toString());
  }

  private String said(String digest, Path folder) {
    Last last = new Last();
    try (AdapterCache.Lease lease = lease(digest, folder)) {
      session.serving().start(request(12).withAdapter(lease), last).await();
    }
    return last.done.text();
  }

  private long bytesOf(Path folder) {
    lease("once", folder).close();
    long bytes = cache.bytes();
    cache.drop("once");
    assertThat(cache.bytes()).isZero();
    return bytes;
  }

  @Test
  void callersOfOneAdapterWaitForOneLoad() throws Exception {
    try (var threads = Executors.newFixedThreadPool(8)) {
      List<Future<String>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        all.add(threads.submit(() -> said("one", ADAPTER)));
      }
      List<String> texts = new ArrayList<>();
      for (Future<String> text : all) {
        texts.add(text.get());
      }
      assertThat(texts.stream().distinct()).hasSize(1);
    }
    assertThat(session.adapters().names()).containsExactly("one 0"); // the first that was loaded
  }

  @Test
  void theOneGoesFirstThatWasNotUsedForLongestAndNoneThatIsUsedOrPinned() {
    long one = bytesOf(ADAPTER);
    cache.budget(3 * one);
    cache.pin("a");
    for (String digest : List.of("a", "b", "c")) {
      lease(digest, ADAPTER).close();
    }
    lease("b", ADAPTER).close(); // now c is the oldest that is not pinned
    AdapterCache.Lease used = lease("d", ADAPTER);
    assertThat(cache.loaded())
        .extracting(AdapterCache.Loaded::digest)
        .containsExactly("a", "b", "d");
    lease("e", ADAPTER).close();
    assertThat(cache.loaded())
        .extracting(AdapterCache.Loaded::digest)
        .containsExactly("a", "d", "e");
    AdapterCache.Lease more = lease("e", ADAPTER);
    long held = Ledger.bytes();
    assertThatThrownBy(() -> lease("f", ADAPTER))
        .isInstanceOf(BusyException.class)
        .hasMessageStartingWith("adapters that are in use or pinned leave ");
    assertThat(Ledger.bytes()).isEqualTo(held);
    assertThat(cache.bytes()).isEqualTo(3 * one);
    used.close();
    more.close();
    lease("f", ADAPTER).close();
    assertThat(cache.loaded())
        .extracting(AdapterCache.Loaded::digest)
        .containsExactly("a", "e", "f");
    cache.budget(one - 1);
    assertThatThrownBy(() -> lease("g", ADAPTER))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("adapter g takes ");
  }

  @Test
  void aLoadThatFailsLeavesNothing(@TempDir Path folder) throws IOException {
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(ADAPTER.resolve(file), folder.resolve(file));
    }
    Path identity = folder.resolve("nudge.json");
    Files.writeString(
        identity,
        """
        {"version": 1, "base": ["sha256:00"], "quantization": {"method": "none"}}\
        """);
    long held = Ledger.bytes();
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> lease("x", folder))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("was trained on another base");
      assertThatThrownBy(() -> lease("x", folder.resolve("none")))
          .isInstanceOf(InputException.class);
      assertThatThrownBy(() -> lease("x", GOLDEN.resolve("extras/untied/lora-head/final")))
          .isInstanceOf(InputException.class);
    }
    assertThat(cache.loaded()).isEmpty();
    assertThat(cache.bytes()).isZero();
    assertThat(Ledger.bytes()).isEqualTo(held);
    Files.delete(identity);
    assertThat(said("x", folder)).isEqualTo(said("y", ADAPTER));
  }

  @Test
  void anAdapterThatIsDroppedAnswersToTheEndOfWhatRuns() throws InterruptedException {
    Last last = new Last();
    Serving.Running running;
    try (AdapterCache.Lease lease = lease("one", ADAPTER)) {
      running = session.serving().start(request(60).withAdapter(lease), last);
    }
    last.begun.await();
    cache.drop("one");
    assertThat(cache.loaded()).isEmpty();
    assertThat(said("one", OTHER)).isNotEqualTo(said("two", ADAPTER)); // it is loaded anew
    running.await();
    assertThat(last.failures).hasValue(0);
    cache.drop("one");
    cache.drop("two");
    assertThat(cache.bytes()).isZero();
  }

  @Test
  void anAdapterThatIsMergedSaysTheSameAndLeavesTheBaseAsItIs() {
    session.close();
    ModelSettings exact = ModelSettings.of(MODEL).withCompute(Compute.FP32);
    session = Session.load(exact, null, MACHINE, warning -> {});
    cache = session.cache();
    long one = bytesOf(ADAPTER);
    Last base = new Last();
    session.serving().start(request(40), base).await();
    String text = said("one", ADAPTER);
    String other = said("other", OTHER);
    cache.merge("one");
    Last beside = new Last();
    Serving.Running running = session.serving().start(request(40), beside);
    assertThat(said("one", ADAPTER)).isEqualTo(text);
    assertThat(said("other", OTHER)).isEqualTo(other);
    running.await();
    assertThat(beside.done).isEqualTo(base.done);
    AdapterCache.Loaded loaded =
        cache.loaded().stream().filter(l -> l.digest().equals("one")).findFirst().orElseThrow();
    assertThat(loaded.merged()).isTrue();
    assertThat(loaded.bytes()).isGreaterThan(one);
    assertThat(text).isNotEqualTo(other);
  }

  @Test
  void answersGoOnWhileAdaptersComeAndGo() throws InterruptedException {
    Last alone = new Last();
    session.serving().start(request(100), alone).await();
    Last base = new Last();
    Serving.Running running = session.serving().start(request(100), base);
    base.begun.await();
    String text = said("one", ADAPTER);
    for (int i = 0; i < 20; i++) {
      cache.drop("one");
      assertThat(said("one", ADAPTER)).isEqualTo(text);
    }
    running.await();
    assertThat(base.done).isEqualTo(alone.done);
  }

  /// Bytes by owner, without memory that stays as large as it once had to be: the blocks of keys,
  /// for as many as ran at once, and oneDNN's scratch, for the widest product of each thread.
  private static Map<String, Long> held() {
    Map<String, Long> held = new TreeMap<>(Ledger.byOwner());
    assertThat(held.remove("kv cache")).isLessThan(2 << 20);
    for (String scratch : List.of("oneDNN scratchpad", "oneDNN tiles")) {
      Long bytes = held.remove(scratch);
      assertThat(bytes == null ? 0 : bytes).as(scratch).isLessThan(1 << 17);
    }
    return held;
  }

  @Test
  void startsCancelsLoadsAndEvictionsLeaveNothingBehind() {
    startsCancelsLoadsAndEvictions(1_500);
  }

  @Test
  @Tag("slow")
  void norDoTenThousand() {
    startsCancelsLoadsAndEvictions(10_000);
  }

  private void startsCancelsLoadsAndEvictions(int many) {
    Random random = new Random(Seeds.next());
    long one = bytesOf(ADAPTER);
    cache.budget(2 * one + one / 2);
    Serving serving = session.serving();
    List<Path> folders = List.of(ADAPTER, OTHER);
    Last base = new Last();
    serving.start(request(12), base).await();
    List<String> texts = List.of(said("x", ADAPTER), said("y", OTHER), base.done.text());
    assertThat(texts).doesNotHaveDuplicates();
    cache.drop("x");
    cache.drop("y");
    List<Last> told = new ArrayList<>();
    List<Integer> wanted = new ArrayList<>();
    List<Serving.Running> running = new ArrayList<>();
    Map<String, Long> after = Map.of();
    int busy = 0;
    for (int i = 0; i < many; i++) {
      int adapter = random.nextInt(8);
      GenerationRequest request =
          request(1 + random.nextInt(4)).withClient("client " + random.nextInt(5));
      try (AdapterCache.Lease lease =
          random.nextInt(4) == 0 ? null : lease("adapter " + adapter, folders.get(adapter % 2))) {
        Last last = new Last();
        running.add(serving.start(request.withAdapter(lease), last));
        told.add(last);
        wanted.add(lease == null ? 2 : adapter % 2);
      } catch (BusyException e) {
        busy++;
      }
      if (random.nextInt(5) == 0 && !running.isEmpty()) {
        running.getLast().cancel();
      }
      if (random.nextInt(20) == 0) {
        cache.drop("adapter " + random.nextInt(8));
      }
      if (running.size() > 8) {
        running.removeFirst().await();
      }
      if (i == 500 || i == many - 1) {
        running.forEach(Serving.Running::await);
        running.clear();
        for (int a = 0; a < 8; a++) {
          cache.drop("adapter " + a);
        }
        assertThat(cache.bytes()).isZero();
        assertThat(session.adapters().names()).isEmpty();
        assertThat(serving.stats().running() + serving.stats().waiting()).isZero();
        assertThat(serving.stats().keyBlocksUsed()).isZero();
        after = i == 500 ? held() : after;
      }
    }
    assertThat(held()).isEqualTo(after);
    assertThat(busy).isLessThan(many / 2);
    int whole = 0;
    for (int i = 0; i < told.size(); i++) { // each says what its adapter says, as far as it came
      assertThat(told.get(i).failures).hasValue(0);
      Completion said = told.get(i).done;
      assertThat(texts.get(wanted.get(i))).startsWith(said.text());
      whole += said.stop() == Completion.Stop.INTERRUPTED ? 0 : 1;
    }
    assertThat(whole).isGreaterThan(many / 5);
  }
}
