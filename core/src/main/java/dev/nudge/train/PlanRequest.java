package dev.nudge.train;

import dev.nudge.adapter.ParameterCount;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.data.Dataset;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.WeightBytes;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.plan.Planner;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Given;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.ReferenceModel;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.RolloutSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.SamplePrompts;
import dev.nudge.train.optimizer.AdamWOptimizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Builds the planner's input for a run. `train` and `plan` both use this class, so they get the
/// same plan to the byte.
///
/// @param memory maximum for the run; null: the machine's memory
/// @param given which settings the user set
/// @param added ids of added tokens
record PlanRequest(
    ModelSettings model,
    @Nullable ByteSize memory,
    LoraSettings lora,
    ObjectiveSettings objective,
    OptimizerSettings optimizer,
    int batchSize,
    Given given,
    List<Integer> added) {

  static PlanRequest of(TrainSettings s) {
    return new PlanRequest(
        s.model(),
        s.memory(),
        s.lora(),
        s.objective(),
        s.optimizer(),
        s.loop().batchSize(),
        s.given(),
        List.of());
  }

  static PlanRequest of(PlanSettings s) {
    return new PlanRequest(
        s.model(),
        s.memory(),
        s.lora(),
        s.objective(),
        s.optimizer(),
        s.batchSize(),
        s.given(),
        List.of());
  }

  PlanRequest withAdded(List<Integer> tokens) {
    return new PlanRequest(model, memory, lora, objective, optimizer, batchSize, given, tokens);
  }

  /// What a layout depends on in the data.
  ///
  /// @param longest tokens of the longest row
  /// @param largestStep tokens of the largest possible step
  /// @param scored whether any rows are scored
  /// @param sequences of each row
  /// @param sampled whether their completions are sampled
  /// @param replayed tokens of the longest replayed row; 0: none
  record Rows(
      int longest, long largestStep, boolean scored, int sequences, boolean sampled, int replayed) {
    /// These rows, with replayed rows of up to `tokens` tokens.
    Rows replaying(int tokens) {
      int most = Math.max(longest, tokens);
      return new Rows(most, largestStep, scored, sequences, sampled, tokens);
    }

    /// Measures loaded rows.
    ///
    /// @param held held-out rows, which come in any number; null: none
    /// @param objective whether it scores training rows, and others beside them
    /// @param rollouts how prompts without completions are completed
    /// @param most tokens of a sequence
    static Rows of(
        Dataset data,
        @Nullable Dataset held,
        int batchSize,
        Objective objective,
        RolloutSettings rollouts,
        int most) {
      if (data.promptsOnly()) {
        return sampled(data, held, batchSize, objective.needsScores(), rollouts, most);
      }
      int beside =
          Math.max(objective.longestBeside(data), held == null ? 0 : objective.longestBeside(held));
      return of(data, held, batchSize, objective.needsScores()).scoring(beside);
    }

    private static Rows of(Dataset data, @Nullable Dataset held, int batchSize, boolean scored) {
      int each = data.sequencesPerRow();
      long step = longest(data, (long) batchSize * each, 0, Integer.MAX_VALUE);
      return held == null
          ? new Rows(data.longest(), step, scored, each, false, 0)
          : new Rows(
              Math.max(data.longest(), held.longest()),
              Math.max(step, Math.min(held.tokens(), 4L * step)),
              true,
              each,
              false,
              0);
    }

    private static Rows sampled(
        Dataset data,
        @Nullable Dataset held,
        int batchSize,
        boolean scored,
        RolloutSettings rollouts,
        int most) {
      int grown = Math.min(most, data.longest() + rollouts.maxCompletion());
      int heldGrown = held == null ? 0 : Math.min(most, held.longest() + rollouts.maxCompletion());
      int each = rollouts.generations();
      long step = each * longest(data, batchSize, rollouts.maxCompletion(), most);
      boolean judged = rollouts.rewards().stream().anyMatch(r -> r.adapter() != null);
      return new Rows(Math.max(grown, heldGrown), step, scored || judged, each, true, 0);
    }

    /// The tokens of the longest sequences.
    ///
    /// @param more tokens of each, up to `most`
    private static long longest(Dataset data, long sequences, int more, int most) {
      return data.examples().stream()
          .mapToInt(e -> -e.length())
          .sorted()
          .limit(sequences)
          .mapToLong(n -> Math.min(most, more - n))
          .sum();
    }

    /// Assumes that every row has `longest` tokens, in each of its sequences.
    static Rows assumed(int longest, int batchSize, ObjectiveSettings objective) {
      boolean sampled = objective.objective().groups();
      int each =
          sampled ? objective.rollouts().generations() : objective.objective().pairs() ? 2 : 1;
      long step = (long) longest * batchSize * each;
      return new Rows(longest, step, objective.objective().compares(), each, sampled, 0);
    }

    private Rows scoring(int tokens) {
      return tokens <= longest
          ? this
          : new Rows(tokens, largestStep, scored, sequences, sampled, replayed);
    }

    /// These rows truncated to `most` tokens.
    Rows cut(int most, int batchSize) {
      return most >= longest
          ? this
          : new Rows(
              most,
              Math.min(largestStep, 4L * most * batchSize * Math.max(1, sequences / 2)),
              scored,
              sequences,
              sampled,
              Math.min(replayed, most));
    }
  }

  boolean full() {
    return lora.method() == Method.FULL;
  }

  long memoryBytes(Machine machine) {
    return memory == null ? machine.memoryBytes() : memory.bytes();
  }

  int threads(Machine machine) {
    return Objects.requireNonNullElse(model.threads(), machine.threads());
  }

  /// The parameters that the run would train, without weights.
  ///
  /// @param scope a measuring scope
  Tuning dry(ModelConfig config, Backend backend, Quantization quantization, Scope scope) {
    Path folder = model.model();
    if (full()) {
      Preparation.checkDense(folder, quantization);
    }
    CausalLm dry = Checkpoint.dry(config, backend, quantization, trainable(config, scope));
    dry.balance(lora.experts().routerAuxLossCoef());
    return full()
        ? Tuning.whole(dry, folder)
        : Tuning.adapter(
            dry,
            Tuning.attach(dry, lora, objective.objective(), given, added, 0, 1, scope),
            folder,
            lora.experts().expertAdapters());
  }

  /// The trained numbers; of EVA those of equal ranks, since only the most is planned.
  ///
  /// @param tuning of this request
  /// @param usual the same request with the usual start
  ParameterCount count(
      Tuning tuning,
      Supplier<PlanRequest> usual,
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      Scope scope) {
    if (!Tuning.isEva(lora)) {
      return tuning.count();
    }
    try (Tuning equal = usual.get().withAdded(added).dry(config, backend, quantization, scope)) {
      return equal.count();
    }
  }

  private @Nullable Trainable trainable(ModelConfig config, Scope scope) {
    return Tuning.trainable(lora, config, 1, scope);
  }

  /// Bytes of the frozen weights in the folder's files.
  WeightBytes stored(ModelConfig config, Backend backend, Quantization quantization, Scope scope) {
    return Checkpoint.bytes(model.model(), config, backend, quantization, trainable(config, scope));
  }

  /// Bytes of the frozen weights of a shape.
  ///
  /// @param inFile whether the layers are stored quantised
  /// @param type stored type of the weights
  WeightBytes assumed(
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      boolean inFile,
      Dtype type,
      Scope scope) {
    Map<String, long[]> frozen = Trainable.frozen(config, trainable(config, scope));
    boolean inPlace = type == backend.compute();
    return WeightBytes.of(frozen, backend.compute(), quantization, inFile, name -> inPlace);
  }

  /// The planner's input.
  ///
  /// @param samples prompts that are answered during training
  Planner.Request wanted(
      Tuning tuning, WeightBytes weights, Rows rows, SamplePrompts samples, Machine machine) {
    int sequences = batchSize * rows.sequences();
    long sampling =
        rows.sampled()
            ? Rollouts.limits(tuning.model(), 1, sequences, rows.longest()).bytes(tuning.model())
            : 0;
    return new Planner.Request(
        threads(machine),
        machine.peers().ranks(),
        model.lanes(),
        sequences,
        rows.longest(),
        rows.largestStep(),
        rows.scored(),
        rows.replayed(),
        memoryBytes(machine),
        weights.plusDense(tuning.frozenBytes() + (rows.sampled() ? othersBytes() : 0)),
        tuning.count().trained(),
        AdamWOptimizer.bytes(tuning.parameters(), optimizer.optimizer()),
        Caches.ALL,
        Math.max(sampling, samples.bytes(tuning.model())),
        branches(tuning.model().config(), rows.longest()));
  }

  /// Whether sequences of one prompt share it: not where the rows of a copy differ from those of
  /// another, by dropout or as RoPE turns by the length, or count in a loss of their own.
  private boolean branches(ModelConfig config, int longest) {
    return objective.objective().sharesPrompts()
        && lora.dropout() == 0
        && !config.turnsAnew(1, longest)
        && !config.recurrent()
        && lora.experts().routerAuxLossCoef() == 0;
  }

  /// Bytes of the largest adapter that takes the trained one's place between steps, at most.
  private long othersBytes() {
    Stream<Path> judges =
        objective.rollouts().rewards().stream().map(RewardSource::adapter).filter(Objects::nonNull);
    boolean start =
        objective.hasReference() && objective.measuredAgainst(lora) == ReferenceModel.INIT_ADAPTER;
    return Stream.concat(judges, start ? Stream.ofNullable(lora.initAdapter()) : Stream.empty())
        .mapToLong(adapter -> adapter.resolve(PeftFiles.WEIGHTS).toFile().length())
        .max()
        .orElse(0);
  }
}
