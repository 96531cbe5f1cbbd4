package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Several adapters on one base: each answers as alone, and without them the base answers as it
/// did.
class NamedAdaptersTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final int[] IDS = {5, 17, 200, 3, 88, 41, 9, 9, 120};

  private final Backend backend = Backends.of(Compute.FP32);
  private CausalLm model;
  private NamedAdapters adapters;

  private CausalLm load(String quantised) {
    Quantization q =
        quantised.equals("none") ? Quantization.NONE : Quantization.of(new Nf4Format(true));
    CausalLm loaded = Checkpoint.load(MODEL, ModelConfig.load(MODEL), backend, q);
    loaded.reserve(IDS.length);
    return loaded;
  }

  private NamedAdapters named(CausalLm of) {
    return new NamedAdapters(of.modules(), backend.compute());
  }

  @BeforeEach
  void open() {
    model = load("none");
    adapters = named(model);
  }

  @AfterEach
  void nothingIsLeft() {
    adapters.close();
    model.close();
    assertThat(Ledger.bytes()).isZero();
  }

  private void attach(String name, String golden) {
    try (PeftAdapter peft = PeftAdapter.open(GOLDEN.resolve(golden))) {
      adapters.attach(name, peft);
    }
  }

  private byte[] logits() {
    Batch batch = new Batch(IDS, new int[] {IDS.length}, new long[1], new int[0], new int[0]);
    try (Workspace ws = new Workspace(0, 16 << 20, backend.gemms().apply(1))) {
      Tensor logits = model.logits(batch, ws);
      return logits.data().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "nf4"})
  void eachAnswersAsAloneAndTheBaseAsBefore(String quantised) {
    model.close();
    model = load(quantised);
    adapters = named(model);
    byte[] base = logits();
    List<Linear> layers = model.slots().stream().map(LinearSlot::linear).toList();
    attach("a", "peft/all-linear/adapter");
    byte[] a = logits();
    attach("b", "peft/patterns-rslora/adapter");
    byte[] b = logits();
    assertThat(a).isNotEqualTo(base);
    assertThat(b).isNotEqualTo(base).isNotEqualTo(a);
    assertThat(adapters.names()).containsExactly("a", "b");

    adapters.use("a");
    assertThat(logits()).isEqualTo(a);
    adapters.disable();
    assertThat(logits()).isEqualTo(base);
    assertThat(adapters.active()).isEqualTo("a");
    adapters.use("b"); // chosen, not on
    assertThat(logits()).isEqualTo(base);
    adapters.enable();
    assertThat(logits()).isEqualTo(b);
    adapters.detach("a"); // another one than that in use
    assertThat(logits()).isEqualTo(b);
    adapters.detach("b");
    assertThat(adapters.active()).isNull();
    assertThat(logits()).isEqualTo(base);
    assertThat(model.slots().stream().map(LinearSlot::linear)).containsExactlyElementsOf(layers);
  }

  @Test
  void theBaseThatIsLeftIsTheFilesBytes() {
    attach("a", "peft/all-linear/adapter");
    logits();
    adapters.detach("a");
    try (SafeTensors file = SafeTensors.open(MODEL);
        Workspace ws = new Workspace(0, 1 << 20, backend.gemms().apply(1))) {
      for (LinearSlot slot : model.slots()) {
        Tensor weight = slot.linear().weight(ws, backend.kernels());
        assertThat(weight.data().mismatch(file.bytes(slot.path() + ".weight"))).isEqualTo(-1);
      }
    }
  }

  @Test
  void attachingTakesMemoryForTheAdapterAndDetachingGivesItBack() {
    long before = Ledger.bytes();
    attach("a", "peft/all-linear/adapter");
    long one = Ledger.bytes() - before;
    long numbers = 0;
    for (LinearSlot slot : model.slots()) {
      numbers += 4L * (slot.linear().in() + slot.linear().out()); // rank 4
    }
    assertThat(one).isEqualTo(4 * numbers);
    attach("b", "peft/all-linear/adapter");
    for (String name : List.of("a", "b", "a")) {
      adapters.use(name);
      assertThat(Ledger.bytes() - before).isEqualTo(2 * one);
    }
    adapters.detach("a");
    assertThat(Ledger.bytes() - before).isEqualTo(one);
  }

  @Test
  void anAdapterOfAnotherModelLeavesTheOneInUse() {
    attach("a", "peft/all-linear/adapter");
    byte[] a = logits();
    assertThatThrownBy(() -> attach("b", "peft/layers/adapter")).isInstanceOf(InputException.class);
    assertThatThrownBy(() -> attach("a", "peft/all-linear/adapter"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("an adapter named a is attached already");
    for (Runnable unknown :
        List.<Runnable>of(() -> adapters.use("c"), () -> adapters.detach("c"))) {
      assertThatThrownBy(unknown::run)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("no adapter is named c; attached are [a]");
    }
    assertThat(logits()).isEqualTo(a);
    assertThat(adapters.names()).containsExactly("a");
  }
}
