package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.DryPasses;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Plans;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds a trainer whose page files cannot be made to holding nothing.
class TrainerOpensTest {
  private static final long PAGES = 4096;

  private final List<Example> rows = List.of(Examples.of(new int[] {1, 5, 9, 3, 7}, 2));

  @TempDir private Path temp;

  @ParameterizedTest
  @CsvSource({"true, false", "false, true"})
  void whatCannotOpenClosesWhatItOpened(boolean offloads, boolean pages) {
    long[] held = new long[2];
    assertThatThrownBy(() -> open(offloads, pages, temp.resolve("absent"), held))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("cannot reserve")
        .hasMessageContaining("absent");
    assertThat(held[1]).isEqualTo(held[0]);
  }

  @Test
  void theSamePlanOpensWhereThereIsADisk() {
    long[] held = new long[2];
    open(true, true, temp, held);
    assertThat(held[1]).isEqualTo(held[0]);
  }

  /// Opens a trainer and closes it.
  ///
  /// @param held set to the native bytes before and after
  private void open(boolean offloads, boolean pages, Path folder, long[] held) {
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model = TinyLlama.of(TinyLlama.config(2, true, false), backend, 1);
        Scope scope = Scope.open("adapter")) {
      model.reserve(8);
      Lora spec = Lora.of(3, 6, Targets.parse("all-linear"));
      List<Parameter> parameters =
          Adapters.attach(model.modules(), spec, 1, backend.compute(), 2, scope).parameters();
      TrainSettings settings =
          TrainSettings.of(Map.of("model", "m", "data", List.of("d"), "out", "o"));
      Plan plan = plan(model, offloads, pages);
      held[0] = Ledger.bytes();
      try (Trainer trainer =
          new Trainer(model, parameters, rows, plan, settings.optimizer(), 0, folder)) {
        assertThat(trainer.step(0, new int[] {0}, 0.01).skipped()).isFalse();
      } finally {
        held[1] = Ledger.bytes();
      }
    }
  }

  private static Plan plan(CausalLm model, boolean offloads, boolean pages) {
    Plan plain = Plan.uncounted("test", 2, 1, 16, 8, model.measured().trainBytes(16, 8));
    long workspace = plain.workspaceBytes();
    DryPasses.TrainParts pass = new DryPasses.TrainParts(0, 0, 0, workspace, offloads ? PAGES : 0);
    return Plans.with(plain, workspace, pass, pages ? PAGES : 0, plain.caches());
  }
}
