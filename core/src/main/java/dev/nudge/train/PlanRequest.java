package dev.nudge.train;

import dev.nudge.data.Dataset;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.WeightBytes;
import dev.nudge.plan.Planner;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Given;
import dev.nudge.settings.LoraSettings;
import dev.nudge.settings.Method;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.ObjectiveName;
import dev.nudge.settings.OptimizerSettings;
import dev.nudge.settings.PlanSettings;
import dev.nudge.settings.TrainSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    ObjectiveName objective,
    OptimizerSettings optimizer,
    int batchSize,
    Given given,
    List<Integer> added) {

  static PlanRequest of(TrainSettings s) {
    return new PlanRequest(
        s.model(),
        s.memory(),
        s.lora(),
        s.objective().objective(),
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
        s.objective().objective(),
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
  /// @param replayed tokens of the longest replayed row; 0: none
  record Rows(int longest, long largestStep, boolean scored, int replayed) {
    private Rows(int longest, long largestStep, boolean scored) {
      this(longest, largestStep, scored, 0);
    }

    /// These rows, with replayed rows of up to `tokens` tokens.
    Rows replaying(int tokens) {
      return new Rows(Math.max(longest, tokens), largestStep, scored, tokens);
    }

    /// Measures loaded rows.
    ///
    /// @param held held-out rows, which come in any number; null: none
    /// @param objective whether it scores training rows, and others beside them
    static Rows of(Dataset data, @Nullable Dataset held, int batchSize, Objective objective) {
      int beside =
          Math.max(objective.longestBeside(data), held == null ? 0 : objective.longestBeside(held));
      return of(data, held, batchSize, objective.needsScores()).scoring(beside);
    }

    private static Rows of(Dataset data, @Nullable Dataset held, int batchSize, boolean scored) {
      long step =
          data.examples().stream()
              .mapToInt(e -> -e.length())
              .sorted()
              .limit((long) batchSize * data.sequencesPerRow())
              .mapToLong(n -> -n)
              .sum();
      return held == null
          ? new Rows(data.longest(), step, scored)
          : new Rows(
              Math.max(data.longest(), held.longest()),
              Math.max(step, Math.min(held.tokens(), 4L * step)),
              true);
    }

    /// Assumes that every row has `longest` tokens, in each of its sequences.
    static Rows assumed(int longest, int batchSize, ObjectiveName objective) {
      long sequences = (long) batchSize * objective.sequences();
      return new Rows(longest, longest * sequences, objective.compares());
    }

    private Rows scoring(int tokens) {
      return tokens <= longest ? this : new Rows(tokens, largestStep, scored, replayed);
    }

    /// These rows truncated to `most` tokens.
    Rows cut(int most, int batchSize) {
      return most >= longest
          ? this
          : new Rows(
              most, Math.min(largestStep, 4L * most * batchSize), scored, Math.min(replayed, most));
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
            Tuning.attach(dry, lora, objective, given, added, 0, 1, scope),
            folder,
            lora.experts().expertAdapters());
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
    return WeightBytes.of(frozen, backend.compute(), quantization, inFile, name -> type);
  }

  /// The planner's input.
  ///
  /// @param samples prompts that are answered during training
  Planner.Wanted wanted(
      Tuning tuning, WeightBytes weights, Rows rows, SamplePrompts samples, Machine machine) {
    return new Planner.Wanted(
        threads(machine),
        model.lanes(),
        batchSize * objective.sequences(),
        rows.longest(),
        rows.largestStep(),
        rows.scored(),
        rows.replayed(),
        memoryBytes(machine),
        weights.plusDense(tuning.frozenBytes()),
        tuning.count().trained(),
        AdamWOptimizer.bytes(tuning.parameters(), optimizer.optimizer()),
        Caches.ALL,
        samples.bytes(tuning.model()));
  }
}
