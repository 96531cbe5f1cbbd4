package dev.nudge.train.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.engine.Batcher;
import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.DryPasses;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Plans;
import dev.nudge.settings.train.LossType;
import dev.nudge.settings.train.ScaleRewards;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Workspace;
import dev.nudge.train.Trainer;
import dev.nudge.train.objective.DirectPreference;
import dev.nudge.train.objective.GroupRelative;
import dev.nudge.train.objective.LabelledPreference;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.OddsRatio;
import dev.nudge.train.objective.PairedReward;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Holds the gradients of steps on preferences to finite differences of their losses, in double,
/// for lanes, micro-batches, sequences cut over lanes, recomputed layers and shared prompts. That
/// the losses are TRL's is held in `PreferenceGoldenTest`.
class PreferenceStepTest {
  private static final int LONGEST = 9;
  private static final Path NOWHERE = Path.of("");

  static Stream<Objective> objectives() {
    return Stream.concat(
        Stream.of(LossType.values())
            .filter(type -> !type.ofGroups())
            .map(type -> new DirectPreference(type, 0.3, type.smooths() ? 0.1 : 0, 0.5)),
        Stream.of(
            new LabelledPreference(0.4, 1.5, 0.7, 6),
            new OddsRatio(0.6),
            new PairedReward(0.2),
            group(LossType.DAPO, 0),
            group(LossType.DR_GRPO, 0.3),
            group(LossType.GRPO, 0.6)));
  }

  private static Objective group(LossType type, double beta) {
    return new GroupRelative(type, beta, 0.2, ScaleRewards.GROUP, 2, 1.3, 2, 7, true);
  }

  /// @param earlier log-probabilities of the first step on the batch, of some tokens far from the
  ///     present ones
  private record Case(
      Objective objective, List<Example> rows, double[] reference, double[] earlier) {
    static Case of(Objective objective, Random random) {
      List<Example> rows =
          List.of(
              row(random, 7, 2, 1),
              row(random, 4, 1, 0.5),
              row(random, LONGEST, 5, 0),
              row(random, 5, 3, 1));
      if (!objective.tokenwise()) {
        double[] reference = random.doubles(8, -20, -5).toArray();
        return new Case(objective, rows, reference, new double[0]);
      }
      int tokens = rows.stream().mapToInt(Example::trainedTokens).sum();
      double[] reference = random.doubles(tokens, -6, -2).toArray();
      return new Case(objective, rows, reference, random.doubles(tokens, -5, -3.2).toArray());
    }

    double @Nullable [] before() {
      return objective.tokenwise() ? earlier : null;
    }

    private static Example row(Random random, int length, int from, double value) {
      return Examples.of(random.ints(length, 0, 37).toArray(), from, value);
    }

    /// Scores of the mismatched sequences of kto, whose divergence is a constant to the gradient.
    double[] beside(CausalLm model, Workspace ws) {
      return objective.beside(rows).stream().mapToDouble(e -> score(model, e, false, ws)).toArray();
    }

    /// The loss as it is defined, of scores of one sequence at a time.
    double loss(CausalLm model, double[] beside, Workspace ws) {
      double[] s =
          DoubleStream.concat(
                  objective.tokenwise()
                      ? rows.stream().flatMapToDouble(e -> tokens(model, e, ws))
                      : rows.stream().mapToDouble(e -> score(model, e, false, ws)),
                  DoubleStream.of(beside))
              .toArray();
      double[] texts =
          rows.stream()
              .mapToDouble(e -> model.givesRewards() ? 0 : score(model, e, true, ws))
              .toArray();
      return Objects.requireNonNull(
          objective.weigh(new Objective.Scored(rows, s, texts, reference, before())).loss());
    }

    private static DoubleStream tokens(CausalLm model, Example row, Workspace ws) {
      Batch batch = Batcher.batch(List.of(0), new int[] {0}, List.of(row), null);
      double[] numbers = new double[batch.rows().length];
      model.score(batch, numbers, null, ws);
      return DoubleStream.of(numbers);
    }

    private static double score(CausalLm model, Example row, boolean text, Workspace ws) {
      List<Integer> first = List.of(0);
      int[] places = {0};
      double[] one = {1};
      double[] none = {0};
      Batch batch =
          model.givesRewards()
              ? Batcher.lasts(first, places, List.of(row), null)
              : Batcher.counted(
                  first,
                  places,
                  List.of(row),
                  new Batcher.Factors(text ? none : one, text ? one : null));
      double[] numbers = new double[batch.rows().length];
      model.score(batch, numbers, null, ws);
      return IntStream.range(0, numbers.length)
          .mapToDouble(i -> numbers[i] * batch.weight(i))
          .sum();
    }
  }

  @ParameterizedTest
  @MethodSource("objectives")
  void aStepHasTheGradientOfItsLoss(Objective objective) {
    check(objective, 2, LONGEST, Integer.MAX_VALUE, Recompute.NONE);
  }

  @ParameterizedTest
  @MethodSource("objectives")
  void cutSequencesAndRecomputedLayersChangeNothing(Objective objective) {
    check(objective, 2, 5, 5, Recompute.EVERYTHING);
  }

  static Stream<Objective> ofOnePrompt() {
    return objectives().filter(o -> o instanceof DirectPreference || o instanceof GroupRelative);
  }

  /// The first two rows have a prompt in common, and so have the last two, of which one is cut.
  @ParameterizedTest
  @MethodSource("ofOnePrompt")
  void sharedPromptsChangeNothing(Objective objective) {
    Random random = new Random(Seeds.next());
    Case c = Case.of(objective, random);
    double value = random.nextBoolean() ? 1 : 0.5; // 1: a group with equal rewards
    List<Example> rows =
        List.of(
            c.rows().getFirst(),
            behind(c.rows().getFirst(), 6, random, value),
            c.rows().get(2),
            behind(c.rows().get(2), 6, random, 1));
    int tokens = rows.stream().mapToInt(Example::trainedTokens).sum();
    Case shared =
        new Case(
            objective,
            rows,
            random.doubles(objective.tokenwise() ? tokens : 4, -6, -2).toArray(),
            random.doubles(tokens, -5, -3.2).toArray());
    check(objective, shared, 1, 16, Integer.MAX_VALUE, Recompute.NONE, true);
    check(objective, shared, 2, 12, Integer.MAX_VALUE, Recompute.EVERYTHING, true);
    check(objective, shared, 2, 11, 9, Recompute.NONE, true);
  }

  @Test
  void whatHasNoGradientIsNotComputed() {
    Random random = new Random(Seeds.next());
    Example first = Case.row(random, 7, 2, 1);
    Example second = Case.row(random, 6, 2, 1);
    List<Example> rows =
        List.of(first, behind(first, 5, random, 1), second, behind(second, 4, random, 0));
    Objective.Weights weights = group(LossType.DAPO, 0).weigh(Objective.Scored.of(rows));
    Plan plan = Plan.uncounted("test", 1, 1, 40, LONGEST, 0);
    int[] starts = {0, 5, 8, 12};
    GradientLanes.Work work = new GradientLanes.Work(0, rows, weights, starts, Dropout.NONE, plan);
    Packing.Cost cost = new Packing.Cost(1, 0);
    assertThat(work.packing(1, cost, false).lanes()).containsExactly(List.of(List.of(2, 3)));
    assertThat(work.packing(1, cost, true).lanes()).containsExactly(List.of(List.of(0, 1, 2, 3)));
  }

  private static Example behind(Example before, int length, Random random, double value) {
    int[] ids = random.ints(length, 0, 37).toArray();
    System.arraycopy(before.ids(), 0, ids, 0, before.prompt());
    return Examples.of(ids, before.prompt(), value);
  }

  private static void check(
      Objective objective, int lanes, int budget, int splitFrom, Recompute level) {
    Case c = Case.of(objective, new Random(Seeds.next()));
    check(objective, c, lanes, budget, splitFrom, level, false);
  }

  private static void check(
      Objective objective,
      Case c,
      int lanes,
      int budget,
      int splitFrom,
      Recompute level,
      boolean branches) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    TrainSettings settings =
        TrainSettings.of(Map.of("model", "m", "data", List.of("d"), "out", "o"));
    Lora spec = Lora.of(3, 5, Targets.parse("all-linear"));
    boolean reward = objective instanceof PairedReward;
    try (CausalLm model =
            TinyLlama.of(TinyLlama.config(2, true, false), Backend.plain(Dtype.F64), seed);
        Scope scope = Scope.open("adapter")) {
      model.reserve(16);
      model.recompute(Collections.nCopies(model.layers(), level));
      List<Parameter> parameters =
          Adapters.attach(
                  model.modules(),
                  spec.withExtras(spec.extras().withScore(reward)),
                  seed,
                  Dtype.F64,
                  lanes,
                  scope)
              .parameters();
      for (Parameter p : parameters) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, 0.3 * random.nextGaussian());
        }
      }
      Plan.Split split = Plan.Split.NONE;
      long bytes =
          Math.max(model.measured().trainBytes(16, 16), model.measured().scoreBytes(16, 16));
      if (splitFrom < split.from()) {
        DryPasses.SplitParts parts = model.measured().splitParts(LONGEST, lanes);
        split = new Plan.Split(splitFrom, parts.shared());
        bytes = Math.max(bytes, parts.lane().peak());
      }
      if (branches) {
        bytes = Math.max(bytes, model.measured().branchedParts(16, LONGEST).peak());
        bytes = Math.max(bytes, model.measured().scoreBranchedBytes(16, LONGEST));
      }
      Plan plan =
          Plans.branching(
              Plan.uncounted("test", lanes, 1, budget, LONGEST, bytes).withSplit(split), branches);
      try (Trainer trainer =
              new Trainer(
                  model, parameters, c.rows(), plan, settings.optimizer(), 0, NOWHERE, objective);
          Workspace ws = new Workspace(0, bytes, Gemm.plain())) {
        double loss =
            trainer.gradients(0, c.rows(), trainer.weigh(c.rows(), c.reference(), c.before()));
        double[] beside = c.beside(model, ws);
        assertThat(loss).isCloseTo(c.loss(model, beside, ws), within(1e-11 * Math.max(1, loss)));
        List<Parameter> some = new ArrayList<>(parameters.subList(0, 4));
        some.add(parameters.getLast());
        for (Parameter p : some) {
          long at = random.nextLong(p.elements());
          double gradient = p.gradient(0).at(at) + (lanes == 1 ? 0 : p.gradient(1).at(at));
          assertThat(difference(p, at, () -> c.loss(model, beside, ws)))
              .as("%s[%d], seed %d", p.name(), at, seed)
              .isCloseTo(gradient, within(1e-6 * Math.max(1, Math.abs(gradient))));
        }
      }
    }
  }

  private static double difference(Parameter p, long at, DoubleSupplier loss) {
    double h = 1e-5;
    double x = p.master().at(at);
    p.master().put(at, x + h);
    double above = loss.getAsDouble();
    p.master().put(at, x - h);
    double below = loss.getAsDouble();
    p.master().put(at, x);
    return (above - below) / (2 * h);
  }
}
