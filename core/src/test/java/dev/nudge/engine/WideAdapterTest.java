package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What an adapter makes a step larger by is taken off the memory of keys.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WideAdapterTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  private static final int LONGEST = 512;
  private static final int BLOCKS = 6;

  @TempDir private Path folder;

  private final long before = Ledger.bytes();
  private final Random random = new Random(Seeds.next());
  private final ModelConfig config = ModelConfig.load(FOLDER);
  private final CausalLm model = Checkpoint.load(FOLDER, config, Backends.of(Compute.FP32));
  private final NamedAdapters adapters =
      new NamedAdapters(model.modules(), model.backend().compute());

  @AfterEach
  void close() {
    adapters.close();
    model.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private void attachWide() {
    Path wide = folder.resolve("wide");
    try (Scope scope = Scope.open("wide")) {
      Lora lora = Lora.of(32, 16, Targets.parse("all-linear"));
      Adapters made =
          Adapters.attach(model.modules(), lora, 3, model.backend().compute(), 0, scope);
      made.parameters().forEach(p -> fill(p.master()));
      made.save(wide, "test");
      made.detach();
    }
    try (PeftAdapter peft = PeftAdapter.open(wide)) {
      adapters.attach("wide", peft);
    }
    adapters.disable();
  }

  private void fill(Tensor master) {
    for (long i = 0; i < master.elements(); i++) {
      master.put(i, random.nextGaussian() * 0.01);
    }
  }

  private int[] prompt(int tokens) {
    return random.ints(tokens, 0, config.vocabSize()).toArray();
  }

  private Engine engine(long keyBytes) {
    return new Engine(model, adapters, new Limits(2, keyBytes, LONGEST, false));
  }

  /// Ends after so many tokens, and notes a logit of each.
  private static Caller says(int tokens, List<Double> heard) {
    return (logits, row, ids, count) -> {
      heard.add(logits.get(row, 5));
      return heard.size() == tokens ? Caller.END : 7 + heard.size();
    };
  }

  private static Caller says(int tokens) {
    return says(tokens, new ArrayList<>());
  }

  /// What no account has: tables of positions, and scratch of products.
  private static long beside() {
    return Ledger.byOwner().entrySet().stream()
        .filter(owner -> owner.getKey().matches("rotary|oneDNN.*"))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  /// Bytes of the steps' workspace.
  private long steps() {
    long others = Workspaces.bytes();
    try (Engine engine = engine(64L << 20)) {
      engine.submit(prompt(9), LONGEST, null, says(2)).await();
      return Workspaces.bytes() - others;
    }
  }

  private static @Nullable String name(int i) {
    return i % 2 == 0 ? "wide" : null;
  }

  @Test
  void whatWideAdaptersMakeAStepLargerByIsTakenOffTheKeys() {
    long planned = new Limits(2, 0, LONGEST, false).stepBytes(model);
    assertThat(steps()).isLessThanOrEqualTo(planned);
    attachWide();
    long steps = steps();
    long over = steps - planned;
    long block = model.keyValueBytes(Limits.BLOCK);
    assertThat(over).isGreaterThan(4 * block);
    long keys = over + BLOCKS * block + block / 2;
    List<int[]> prompts = IntStream.range(0, 20).mapToObj(i -> prompt(70 + 6 * i)).toList();
    List<List<Double>> alone = new ArrayList<>();
    try (Engine engine = engine(64L << 20)) {
      for (int i = 0; i < prompts.size(); i++) {
        alone.add(new ArrayList<>());
        engine.submit(prompts.get(i), 192, name(i), says(5, alone.getLast())).await();
      }
      List<Double> base = new ArrayList<>();
      engine.submit(prompts.get(0), 192, null, says(5, base)).await();
      assertThat(base).isNotEqualTo(alone.get(0)); // the adapter does something
    }
    long held = Ledger.bytes() - beside();
    try (Engine engine = engine(keys)) {
      engine.keepKeys();
      var _ = Ledger.most();
      List<Ticket> tickets = new ArrayList<>();
      List<List<Double>> among = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        among.add(new ArrayList<>());
        tickets.add(engine.submit(prompts.get(i), 192, name(i), says(5, among.getLast())));
      }
      tickets.forEach(Ticket::await);
      assertThat(among).isEqualTo(alone);
      assertThat(Ledger.most() - beside() - held).isBetween(steps + BLOCKS * block, planned + keys);
      assertThat(engine.load().keyBlocks()).isEqualTo(BLOCKS);
      Ticket large = engine.submit(prompt(9), 64 * BLOCKS + 1, null, says(1));
      assertThatThrownBy(large::await)
          .isInstanceOf(NoRoomException.class)
          .hasMessageContaining("there is memory for " + BLOCKS);
      engine.submit(prompt(9), 64 * BLOCKS, null, says(1)).await();
    }
  }
}
