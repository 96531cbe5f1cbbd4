package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.DryPasses;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.WeightBytes;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.MemoryException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Hold the planner to its order, on the shape of a 7B that is nowhere in memory.
class PlannerTest {
  private static final ModelConfig SHAPE = KnownModels.named("7b").orElseThrow();
  private static final long GIB = 1L << 30;

  @Test
  void everythingIsKeptWhereThereIsRoom() {
    Plan plan = plan(64 * GIB, null, 8, 512);
    assertThat(plan.levels()).containsOnly(Recompute.NONE).hasSize(32);
    assertThat(plan.lanes()).isEqualTo(2);
    assertThat(plan.microBatchTokens()).isEqualTo(1024);
  }

  @Test
  void theLineOfLanesSaysWhatEachHas() {
    assertThat(plan(64 * GIB, 2, 8, 512).layout().getFirst())
        .startsWith("lanes      2 (1 thread each), micro-batches of up to 1024 tokens");
    assertThat(plan(64 * GIB, 1, 8, 512).layout().getFirst())
        .startsWith("lanes      1 (2 threads),");
  }

  /// A lane holds what comes to it in a step, not a row more.
  @Test
  void microBatchesHoldNoMoreRowsThanComeToALane() {
    assertThat(plan(64 * GIB, 2, 2, 64).microBatchTokens()).isEqualTo(64);
    assertThat(plan(64 * GIB, 2, 5, 64).microBatchTokens()).isEqualTo(3 * 64);
    assertThat(plan(64 * GIB, 1, 5, 64).microBatchTokens()).isEqualTo(5 * 64);
  }

  @Test
  void longRowsAreCutBeforeAnythingIsRecomputed() {
    Plan whole = plan(128 * GIB, null, 8, 4096);
    assertThat(whole.microBatchTokens()).isEqualTo(4096);
    Plan plan = plan(whole.totalBytes() - 1, null, 8, 4096);
    assertThat(plan.levels()).containsOnly(Recompute.NONE);
    assertThat(plan.microBatchTokens()).isEqualTo(2048);
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
        .isInstanceOf(MemoryException.class)
        .hasMessageMatching(
            "the run needs [0-9]+ MiB and may use 512 MiB; it fits with a larger --memory");
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
    DryPasses.TrainParts pass = plan.footprint().pass();
    assertThat(pass.peak()).isEqualTo(pass.saved() + Math.max(pass.head(), pass.backward()));
    assertThat(plan.totalBytes())
        .isEqualTo(plan.footprint().values().get("anonymous"))
        .isGreaterThan(plan.workspaceBytes());
  }

  /// One gradient a lane: where two do not fit, one lane with both threads comes before a paged
  /// optimiser, and that before nothing.
  @Test
  void ofAWholeModelLanesGoBeforeTheOptimiserIsPaged() {
    try (Scope scope = Scope.measuring();
        CausalLm dry =
            Checkpoint.dry(
                SHAPE, Backend.plain(Dtype.BF16), Quantization.NONE, Trainable.all(1, scope))) {
      long n = dry.parameters().stream().mapToLong(Parameter::elements).sum();
      assertThat(n).isEqualTo(SHAPE.parameters());
      Plan roomy = whole(dry, n, 400 * GIB).plan();
      assertThat(roomy.lanes()).isEqualTo(2);
      Footprint f = roomy.footprint();
      assertThat(List.of(f.masters(), f.working(), f.gradients(), f.optimizer()))
          .containsExactly(4 * n, 2 * n, 8 * n, 8 * n);
      assertThat(f.each(n))
          .isEqualTo("22.0 bytes each: master 4.0, copy 2.0, gradients 2 × 4.0, optimiser 8.0");
      assertThat(roomy.caches()).isEqualTo(Caches.NONE); // a weight that trains is not cached
      assertThat(roomy.footprint().weights().held()).isZero();

      Plan fewer = whole(dry, n, 22 * n).plan(); // masters to moments alone would fit
      assertThat(fewer.lanes()).isEqualTo(1);
      assertThat(fewer.threadsPerLane()).isEqualTo(2);
      assertThat(fewer.footprint().paged()).isZero();
      assertThat(fewer.footprint().gradients()).isEqualTo(4 * n);

      Plan paged = whole(dry, n, 18 * n).plan(); // for two lanes again
      assertThat(paged.lanes()).isEqualTo(2);
      assertThat(paged.footprint().paged()).isEqualTo(8 * n);

      Planner.Fit least = whole(dry, n, 10 * n);
      assertThat(least.fits()).isFalse();
      assertThat(least.plan().lanes()).isEqualTo(1);
    }
  }

  private static Planner.Fit whole(CausalLm dry, long trained, long memory) {
    return Planner.fit(
        dry,
        new Planner.Request(
            2,
            null,
            2,
            512,
            1024,
            false,
            memory,
            new WeightBytes(0, 0, 0, 0),
            trained,
            8 * trained,
            Caches.ALL,
            0));
  }

  @Test
  void weightsAreCountedByTheFormTheyAreHeldIn() {
    long layers = 32L * (4L * 4096 * 4096 + 3L * 4096 * 11008);
    long rest = 2L * 32000 * 4096 + 65L * 4096;
    WeightBytes dense = weights(Dtype.BF16, Quantization.NONE, false);
    assertThat(dense).isEqualTo(new WeightBytes(2 * (layers + rest), 0, 0, 0));
    WeightBytes converted = weights(Dtype.F32, Quantization.NONE, false);
    assertThat(converted).isEqualTo(new WeightBytes(0, 4 * (layers + rest), 0, 0));
    WeightBytes plain = weights(Dtype.BF16, Quantization.of(new Nf4Format(false)), false);
    assertThat(plain).isEqualTo(new WeightBytes(2 * rest, 0, layers / 2, layers / 16));
    WeightBytes nested = weights(Dtype.BF16, Quantization.of(new Nf4Format(true)), false);
    assertThat(nested.constants()).isEqualTo(layers / 64 + layers / 64 / 256 * 4);
    WeightBytes inFile = weights(Dtype.BF16, Quantization.of(new Nf4Format(false)), true);
    assertThat(inFile).isEqualTo(new WeightBytes(2 * rest + layers / 2 + layers / 16, 0, 0, 0));
    Set<String> left = Set.of("model.layers.7.mlp.down_proj");
    WeightBytes some = weights(Dtype.BF16, new Quantization(new Nf4Format(false), left), true);
    long n = 4096L * 11008;
    assertThat(some.mapped() - inFile.mapped()).isEqualTo(2 * n - n / 2 - n / 16);
  }

  private static WeightBytes weights(Dtype compute, Quantization q, boolean inFile) {
    return WeightBytes.of(SHAPE.tensors(), compute, q, inFile, name -> compute == Dtype.BF16);
  }

  private static Plan plan(long memory, @Nullable Integer lanes, int batchSize, int longest) {
    return with(dry -> Planner.plan(dry, wanted(lanes, 0, batchSize, longest, memory)));
  }

  private static Planner.Request wanted(
      @Nullable Integer lanes, long trained, int batchSize, int longest, long memory) {
    return wanted(lanes, trained, batchSize, longest, memory, 0);
  }

  private static Planner.Request wanted(
      @Nullable Integer lanes, long trained, int batchSize, int longest, long memory, long mapped) {
    return new Planner.Request(
        2,
        lanes,
        batchSize,
        longest,
        (long) batchSize * longest,
        false,
        memory,
        new WeightBytes(mapped, 0, 0, 0),
        trained,
        0,
        Caches.NONE,
        0);
  }

  private static <T> T with(Function<CausalLm, T> work) {
    try (CausalLm dry = Checkpoint.dry(SHAPE, Backend.plain(Dtype.BF16), Quantization.NONE);
        Scope scope = Scope.measuring()) {
      Adapters.attach(
          dry.modules(), Lora.of(16, 32, Targets.parse("all-linear")), 0, Dtype.BF16, 1, scope);
      return work.apply(dry);
    }
  }
}
