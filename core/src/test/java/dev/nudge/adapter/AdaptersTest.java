package dev.nudge.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.adapter.linalg.LoraInit;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdaptersTest {
  private static final String Q0 = "model.layers.0.self_attn.q_proj";
  private static final String UP0 = "model.layers.0.mlp.up_proj";

  @TempDir Path temp;
  private final Scope scope = Scope.open("test");

  @AfterEach
  void close() {
    scope.close();
  }

  private List<LinearSlot> slots(Dtype compute) {
    List<LinearSlot> slots = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      slots.add(slot("model.layers.%d.self_attn.q_proj".formatted(i), 8, 6, compute));
      slots.add(slot("model.layers.%d.mlp.up_proj".formatted(i), 8, 12, compute));
    }
    slots.add(slot("lm_head", 8, 30, compute));
    return slots;
  }

  private LinearSlot slot(String path, int in, int out, Dtype compute) {
    return new LinearSlot(path, DenseLinear.of(scope.tensor(compute, out, in), null));
  }

  /// The slots as a model's places; the last one is the head.
  private static Modules modules(List<LinearSlot> slots) {
    int layers = slots.size() - 1;
    return new Modules(
        slots.subList(0, layers), slots.get(layers), false, null, "", Map.of(), null);
  }

  /// A row of the base that is 0, with B of 0, has no direction that a magnitude could scale.
  @Test
  void aRowOfZeroStaysZeroUnderDora() {
    Parameter a = new Parameter("a", true, 2, 3, Dtype.F32, 0, scope);
    Parameter b = new Parameter("b", true, 4, 2, Dtype.F32, 0, scope);
    Parameter m = new Parameter("m", true, 1, 4, Dtype.F32, 0, scope);
    Tensor w = scope.tensor(Dtype.F32, 4, 3);
    w.set(1, 2, -2);
    m.master().set(0, 0, 5);
    m.master().set(0, 1, 3);
    DoraLinear dora = DoraLinear.of(LoraLinear.of(DenseLinear.of(w, null), a, b, 1, 0), m, scope);
    Backend backend = Backends.of(Compute.FP32);
    try (Workspace ws = new Workspace(0, 1 << 16, backend.gemms().apply(1))) {
      Tensor merged = dora.merged(0, 4, ws, backend.kernels());
      for (int i = 0; i < 12; i++) {
        assertThat(merged.get(i / 3, i % 3)).isEqualTo(i == 5 ? -3 : 0);
      }
    }
  }

  private Adapters attach(List<LinearSlot> slots, Lora spec) {
    return Adapters.attach(modules(slots), spec, 5, Dtype.F32, 2, scope);
  }

  private static Lora allLinear() {
    return Lora.of(2, 4, new Targets.AllLinear());
  }

  @Test
  void theSelectedSlotsAreWrappedAndTheRestAreNot() {
    List<LinearSlot> slots = slots(Dtype.F32);
    Adapters adapters = attach(slots, allLinear().withTargets(Targets.parse("q_proj")));
    assertThat(adapters.paths()).containsExactly(Q0, "model.layers.1.self_attn.q_proj");
    assertThat(slots.get(0).linear()).isInstanceOf(LoraLinear.class);
    assertThat(slots.get(1).linear()).isInstanceOf(DenseLinear.class);
    assertThat(((LoraLinear) slots.get(0).linear()).scaling()).isEqualTo(2);
  }

  @Test
  void allLinearLeavesTheHeadAloneAndIsSavedAsLeafNames() {
    List<LinearSlot> slots = slots(Dtype.F32);
    Adapters adapters = attach(slots, allLinear());
    assertThat(adapters.paths()).hasSize(4);
    assertThat(slots.get(4).linear()).isInstanceOf(DenseLinear.class);
    assertThat(adapters.spec().targets()).isEqualTo(Targets.parse("q_proj,up_proj"));
  }

  @Test
  void detachPutsBackTheVeryLayerThatWasThere() {
    List<LinearSlot> slots = slots(Dtype.F32);
    List<Linear> there = slots.stream().map(LinearSlot::linear).toList();
    Adapters adapters = attach(slots, allLinear());
    assertThatThrownBy(() -> attach(slots, allLinear()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(Q0 + " carries an adapter; detach it first");
    adapters.detach();
    for (int i = 0; i < there.size(); i++) {
      assertThat(slots.get(i).linear()).isSameAs(there.get(i));
    }
    attach(slots, allLinear());
    assertThatThrownBy(adapters::detach)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("model.layers.1.mlp.up_proj no longer holds this adapter");
  }

  @Test
  void parametersAreNamedAsInTheFileAndBStartsAtZero() {
    Adapters adapters = attach(slots(Dtype.F32), allLinear());
    assertThat(adapters.parameters().stream().map(Parameter::name).limit(4))
        .containsExactly(
            PeftFiles.nameOfA(Q0),
            PeftFiles.nameOfB(Q0),
            PeftFiles.nameOfA(UP0),
            PeftFiles.nameOfB(UP0));
    assertThat(adapters.parameters()).allMatch(p -> p.decay() && p.lanes() == 2);
    Tensor b = adapters.parameters().get(1).master();
    for (long i = 0; i < b.elements(); i++) {
      assertThat(b.at(i)).isZero();
    }
    // q: 2·(8 + 6), up: 2·(8 + 12), two layers.
    assertThat(adapters.count(1000)).isEqualTo(new ParameterCount(136, 1136));
    assertThat(adapters.count(1000).toString())
        .isEqualTo("136 of 1,136 parameters are trained (11.97 %)");
  }

  @Test
  void theInitialNumbersDoNotDependOnWhichOthersAreAdapted() {
    Tensor all = attach(slots(Dtype.F32), allLinear()).parameters().get(2).master();
    Lora one = allLinear().withTargets(new Targets.Names(List.of(UP0)));
    Tensor alone = attach(slots(Dtype.F32), one).parameters().get(0).master();
    assertThat(all.data().mismatch(alone.data())).isEqualTo(-1);
  }

  @Test
  void theWorkingCopyIsTheRoundedMaster() {
    Adapters adapters =
        Adapters.attach(modules(slots(Dtype.BF16)), allLinear(), 5, Dtype.BF16, 0, scope);
    Parameter a = adapters.parameters().get(0);
    assertThat(a.work().dtype()).isEqualTo(Dtype.BF16);
    assertThat(a.master().dtype()).isEqualTo(Dtype.F32);
    for (long i = 0; i < a.elements(); i++) {
      double master = a.master().at(i);
      assertThat(a.work().at(i)).isNotZero().isCloseTo(master, within(Math.abs(master) / 256));
    }
  }

  private static Offset<Double> within(double bound) {
    return Offset.offset(bound);
  }

  @Test
  void whatIsSavedComesBackWithItsPatternsAndTheDropoutAskedFor() {
    Lora spec =
        new Lora(
            2,
            4,
            true,
            0.1,
            new Targets.AllLinear(),
            Map.of("0.mlp.up_proj", 3),
            Map.of(),
            null,
            null,
            Extras.NONE,
            Lora.Variant.PLAIN);
    Adapters first = attach(slots(Dtype.F32), spec);
    Tensor b = first.parameters().get(3).master();
    LoraInit.fill(b, 9, "b");
    first.save(temp.resolve("a"), "base");
    try (PeftAdapter saved = PeftAdapter.open(temp.resolve("a"))) {
      List<LinearSlot> slots = slots(Dtype.F32);
      Adapters second = Adapters.attach(modules(slots), saved, 0, Dtype.F32, 0, scope);
      assertThat(second.spec()).isEqualTo(first.spec().withDropout(0));
      assertThat(second.paths()).isEqualTo(first.paths());
      assertThat(((LoraLinear) slots.get(1).linear()).scaling()).isEqualTo(4 / Math.sqrt(3));
      for (int i = 0; i < first.parameters().size(); i++) {
        Parameter was = first.parameters().get(i);
        Parameter is = second.parameters().get(i);
        assertThat(is.name()).isEqualTo(was.name());
        assertThat(is.master().data().mismatch(was.master().data())).isEqualTo(-1);
      }
    }
  }

  @Test
  void aMistakeLeavesTheModelAsItWas() {
    List<LinearSlot> slots = slots(Dtype.F32);
    assertThatThrownBy(() -> attach(slots, Lora.of(13, 4, new Targets.AllLinear())))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "rank 13 is larger than the larger side of q_proj (8); set --rank to at most 8");
    assertThatThrownBy(
            () ->
                attach(
                    slots,
                    allLinear().withExtras(new Extras(List.of("k_proj"), Map.of(), 0, false))))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--modules-to-save 'k_proj' matches no");
    assertThat(slots).allMatch(slot -> slot.linear() instanceof DenseLinear);
    assertThat(attach(slots, Lora.of(7, 4, new Targets.AllLinear())).warnings())
        .containsExactly(
            "rank 7 is above the smaller side of q_proj (6): the part above adds nothing");
  }
}
