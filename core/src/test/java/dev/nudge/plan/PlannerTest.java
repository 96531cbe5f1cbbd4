package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.Lora;
import dev.nudge.adapter.Targets;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Recompute;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Hold the planner to its order, on the shape of a 7B that is nowhere in memory.
class PlannerTest {
  private static final ModelConfig SHAPE = Shapes.named("7b").orElseThrow();
  private static final long GIB = 1L << 30;

  @Test
  void everythingIsKeptWhereThereIsRoom() {
    Plan plan = plan(64 * GIB, null, 8, 512);
    assertThat(plan.levels()).containsOnly(Recompute.NONE).hasSize(32);
    assertThat(plan.lanes()).isEqualTo(2);
    assertThat(plan.microBatchTokens()).isEqualTo(2560); // half of the step and one row more
  }

  @Test
  void microBatchesShrinkBeforeAnythingIsRecomputed() {
    long room = plan(64 * GIB, null, 8, 512).totalBytes();
    Plan plan = plan(room - 1, null, 8, 512);
    assertThat(plan.levels()).containsOnly(Recompute.NONE);
    assertThat(plan.microBatchTokens()).isEqualTo(1280);
  }

  @Test
  void noMoreLayersAreRecomputedThanIsNeeded() {
    Plan roomy = plan(64 * GIB, 1, 1, 2048);
    Plan tight = plan(roomy.totalBytes() - GIB, 1, 1, 2048);
    assertThat(tight.totalBytes()).isLessThanOrEqualTo(roomy.totalBytes() - GIB);
    long deep = tight.levels().stream().filter(l -> l == Recompute.GATE_UP).count();
    assertThat(tight.levels().subList(0, (int) deep)).containsOnly(Recompute.GATE_UP);
    assertThat(tight.levels().subList((int) deep, 32)).containsOnly(Recompute.NONE);
    long layer = 2L * 2 * 11008 * 2048; // gate and up of a layer
    assertThat(tight.totalBytes()).isGreaterThan(roomy.totalBytes() - GIB - layer);
  }

  @Test
  void lessMemoryNeverGivesALargerPlanAndFewerLanesComeLast() {
    int deepest = 0;
    long last = Long.MAX_VALUE;
    for (long room = 6 * GIB; room > GIB / 2; room -= GIB) {
      long memory = room;
      Planner.Fit found = with(dry -> Planner.fit(dry, wanted(null, 0, 2, 1024, memory)));
      if (!found.fits()) {
        assertThat(found.plan().lanes()).isEqualTo(1);
        break;
      }
      assertThat(found.plan().totalBytes()).isLessThanOrEqualTo(Math.min(room, last));
      last = found.plan().totalBytes();
      int level = found.plan().levels().getFirst().ordinal();
      assertThat(level).isGreaterThanOrEqualTo(found.plan().lanes() == 1 ? 0 : deepest);
      deepest = level;
    }
    assertThat(deepest).isPositive();
  }

  @Test
  void weightsInAFileStayInMemoryWhereRecomputationMakesRoomAndAreStreamedElse() {
    long mapped = 4 * GIB;
    long roomy = plan(64 * GIB, 1, 1, 2048).totalBytes();
    Plan resident = mapped(mapped, roomy + mapped - GIB);
    assertThat(resident.totalBytes() + mapped).isLessThanOrEqualTo(roomy + mapped - GIB);
    assertThat(resident.levels().getFirst()).isEqualTo(Recompute.GATE_UP);
    Plan streamed = mapped(64 * GIB, roomy);
    assertThat(streamed.totalBytes()).isEqualTo(roomy);
    assertThat(streamed.levels()).containsOnly(Recompute.NONE);
  }

  private static Plan mapped(long mapped, long memory) {
    return with(dry -> Planner.plan(dry, wanted(1, 0, 1, 2048, memory, mapped)));
  }

  @Test
  void whatDoesNotFitIsRefusedInOneLineThatNamesTheKnobs() {
    assertThatThrownBy(() -> plan(GIB / 2, 2, 8, 2048))
        .isInstanceOf(InputException.class)
        .hasMessageMatching(
            "the run needs [0-9]+ MiB and may use 512 MiB; give fewer --lanes \\(now 2\\), a smaller"
                + " --max-length \\(the longest row has 2048 tokens\\) or a larger --memory");
  }

  @Test
  void planningTakesNoNativeMemory() {
    long before = Ledger.bytes();
    plan(64 * GIB, null, 8, 512);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void thePartsOfAPassAddUpToItsPeak() {
    Plan plan = plan(64 * GIB, 1, 1, 512);
    CausalLm.TrainParts pass = plan.footprint().pass();
    assertThat(pass.peak()).isEqualTo(pass.saved() + Math.max(pass.head(), pass.backward()));
    assertThat(plan.totalBytes())
        .isEqualTo(plan.footprint().values().get("anonymous"))
        .isGreaterThan(plan.workspaceBytes());
  }

  @Test
  void weightsAreCountedByTheFormTheyAreHeldIn() {
    long layers = 32L * (4L * 4096 * 4096 + 3L * 4096 * 11008);
    long rest = 2L * 32000 * 4096 + 65L * 4096;
    Weights dense = Weights.of(SHAPE, Dtype.BF16, false, false, name -> Dtype.BF16);
    assertThat(dense).isEqualTo(new Weights(2 * (layers + rest), 0, 0, 0));
    Weights converted = Weights.of(SHAPE, Dtype.F32, false, false, name -> Dtype.BF16);
    assertThat(converted).isEqualTo(new Weights(0, 4 * (layers + rest), 0, 0));
    Weights plain = Weights.of(SHAPE, Dtype.BF16, true, false, name -> Dtype.BF16);
    assertThat(plain).isEqualTo(new Weights(2 * rest, 0, layers / 2, layers / 16));
    Weights nested = Weights.of(SHAPE, Dtype.BF16, true, true, name -> Dtype.BF16);
    assertThat(nested.constants()).isEqualTo(layers / 64 + layers / 64 / 256 * 4);
  }

  private static Plan plan(long memory, @Nullable Integer lanes, int batchSize, int longest) {
    return with(dry -> Planner.plan(dry, wanted(lanes, 0, batchSize, longest, memory)));
  }

  private static Planner.Wanted wanted(
      @Nullable Integer lanes, long trained, int batchSize, int longest, long memory) {
    return wanted(lanes, trained, batchSize, longest, memory, 0);
  }

  private static Planner.Wanted wanted(
      @Nullable Integer lanes, long trained, int batchSize, int longest, long memory, long mapped) {
    return new Planner.Wanted(
        2,
        lanes,
        batchSize,
        longest,
        (long) batchSize * longest,
        false,
        memory,
        new Weights(mapped, 0, 0, 0),
        trained,
        0,
        Caches.NONE);
  }

  private static <T> T with(Function<CausalLm, T> work) {
    try (CausalLm dry = Checkpoint.dry(SHAPE, Backend.plain(Dtype.BF16));
        Scope scope = Scope.measuring()) {
      Adapters.attach(
          dry.slots(),
          List.of("lm_head"),
          Lora.of(16, 32, Targets.parse("all-linear")),
          0,
          Dtype.BF16,
          1,
          scope);
      return work.apply(dry);
    }
  }
}
