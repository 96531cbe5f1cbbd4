package dev.nudge.train;

import dev.nudge.adapter.ParameterCount;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Conversations;
import dev.nudge.data.Dataset;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.WeightBytes;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.ReferenceModel;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.RolloutSettings;
import dev.nudge.settings.train.RunSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Scope;
import dev.nudge.text.Tokenizer;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.SamplePrompts;
import dev.nudge.train.optimizer.AdamWOptimizer;
import dev.nudge.train.replay.Replay;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A run assembled from its settings and its model's files, without weights. `plan` ends here;
/// `train`, a sweep and each rank of Spark load the weights of the same assembly, so all have the
/// same layout to the byte. [Prepared] holds the rest of a run.
///
/// @param quantization how the weights are held
/// @param stored whether the weight files exist; else the shape determines the bytes of weights
/// @param added ids of added tokens
/// @param <S> the settings of `train` or of `plan`
record Assembly<S extends Record & RunSettings<S>>(
    S settings,
    Machine machine,
    ModelConfig config,
    Quantization quantization,
    Backend backend,
    boolean stored,
    List<Integer> added) {

  /// Resolves the quantisation of a model's weights from its files, or from config and settings.
  static Quantization quantization(ModelSettings model, ModelConfig config, boolean stored) {
    return stored ? Quantization.resolve(model, config) : Quantization.expected(model, config);
  }

  /// Returns this run with another setting value.
  Assembly<S> with(String key, Object value) {
    S other = settings.with(key, value);
    return new Assembly<>(
        other,
        machine,
        config,
        quantization(other.model(), config, stored),
        backend,
        stored,
        added);
  }

  /// Most tokens of a row.
  int maxLength() {
    return Objects.requireNonNullElse(settings.model().maxLength(), config.maxPositionEmbeddings());
  }

  /// Renders conversations as the run trains them.
  ///
  /// @param at the time whose date templates print
  ChatRows chat(DataSettings source, Tokenizer tokenizer, Instant at) {
    Path init = settings.lora().initAdapter();
    return ChatRows.of(
            settings.model().model(), init, source.shape().template(), source.trainOn(), tokenizer)
        .on(at);
  }

  /// Reads the rows, and checks that the model has their tokens.
  ///
  /// @param wanted rows to read
  Splits splits(
      Splits.Request wanted, NewParts.Tokens tokens, Conversations chat, TokenCache cache) {
    Splits splits = Splits.load(wanted, maxLength(), tokens.tokenizer(), chat, cache);
    splits.train().examples().forEach(e -> tokens.grown().checkTokens(e.ids()));
    Dataset held = splits.held();
    if (held != null) {
      held.examples().forEach(e -> tokens.grown().checkTokens(e.ids()));
    }
    return splits;
  }

  /// Input of `splits`.
  Splits.Request request(DataSettings source, WantedRows wanted) {
    return new Splits.Request(
        source, settings.eval(), settings.quality(), settings.length(), settings.seed(), wanted);
  }

  /// Data sizes that determine a layout.
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

  /// Measures loaded rows.
  ///
  /// @param held held-out rows, which come in any number; null: none
  /// @param objective whether it scores training rows, and others beside them
  /// @param replayed tokens of the longest replayed row; 0: none
  Rows rows(Dataset data, @Nullable Dataset held, Objective objective, int replayed) {
    boolean scored = objective.needsScores();
    if (data.promptsOnly()) {
      RolloutSettings rollouts = settings.objective().rollouts();
      return Rows.sampled(data, held, settings.batchSize(), scored, rollouts, maxLength())
          .replaying(replayed);
    }
    int beside =
        Math.max(objective.longestBeside(data), held == null ? 0 : objective.longestBeside(held));
    return Rows.of(data, held, settings.batchSize(), scored).scoring(beside).replaying(replayed);
  }

  /// Assumes that each sequence of every row has the maximum length.
  Rows longestRows() {
    ObjectiveSettings objective = settings.objective();
    boolean sampled = objective.objective().groups();
    int each = sampled ? objective.rollouts().generations() : objective.objective().pairs() ? 2 : 1;
    int most = maxLength();
    long step = (long) most * settings.batchSize() * each;
    return new Rows(
        most,
        step,
        objective.objective().compares(),
        each,
        sampled,
        objective.replay().isEmpty() ? 0 : Math.min(Replay.LONGEST, most));
  }

  /// Bytes that the run may use.
  long memoryBytes() {
    ByteSize memory = settings.memory();
    return memory == null ? machine.memoryBytes() : memory.bytes();
  }

  int threads() {
    return Objects.requireNonNullElse(settings.model().threads(), machine.threads());
  }

  /// The parameters that the run would train, without weights.
  ///
  /// @param scope a measuring scope
  Tuning dry(Scope scope) {
    if (settings.full()) {
      Preparation.checkDense(settings.model().model(), quantization);
    }
    CausalLm dry = Checkpoint.dry(config, backend, quantization, Tuning.trainable(this, 1, scope));
    dry.balance(settings.lora().experts().routerAuxLossCoef());
    return Tuning.of(dry, settings, model -> Tuning.attach(model, this, 1, scope));
  }

  /// Counts trained numbers; for EVA with equal ranks, as only the most is planned.
  ///
  /// @param tuning of this run
  ParameterCount count(Tuning tuning, Scope scope) {
    if (!Tuning.isEva(settings.lora())) {
      return tuning.count();
    }
    try (Tuning equal = with("init", AdapterInit.DEFAULT).dry(scope)) {
      return equal.count();
    }
  }

  /// Paths of layers whose weight, or a part of it, trains.
  Set<String> changing() {
    try (Scope scope = Scope.measuring();
        Tuning dry = dry(scope)) {
      return Stream.concat(dry.model().slots().stream(), Stream.of(dry.model().head()))
          .filter(slot -> slot.linear().changes())
          .map(LinearSlot::path)
          .collect(Collectors.toSet());
    }
  }

  /// Bytes of the frozen weights: from the files, else from the shape.
  WeightBytes weights(Scope scope) {
    Path folder = settings.model().model();
    if (stored) {
      return Checkpoint.bytes(
          folder, config, backend, quantization, Tuning.trainable(this, 1, scope));
    }
    boolean inFile = Quantization.stored(folder, config).any();
    boolean inPlace = Checkpoint.declaredType(folder) == backend.compute();
    return WeightBytes.of(
        Trainable.frozen(config, Tuning.trainable(this, 1, scope)),
        backend.compute(),
        quantization,
        inFile,
        name -> inPlace);
  }

  /// Loads the weights as a layout holds them.
  ///
  /// @param trainable null: none of them train
  /// @param changing paths of layers whose weight trains
  CausalLm load(Plan plan, @Nullable Trainable trainable, Set<String> changing) {
    CausalLm model =
        Checkpoint.load(settings.model().model(), config, backend, quantization, trainable);
    try {
      model.packed().keep(plan.caches(), changing);
      if (streams(plan)) {
        model.stream(roomBeside(plan));
      }
      model.reserve(plan.longest());
      return model;
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  /// Tells whether mapped weights are streamed: they do not fit into memory beside the rest.
  boolean streams(Plan plan) {
    return plan.footprint().mapped() > roomBeside(plan);
  }

  /// Bytes of the allowed memory that a layout leaves to the page cache.
  private long roomBeside(Plan plan) {
    return memoryBytes() - plan.totalBytes();
  }

  /// The layout of the run, or the leanest one if none fits.
  Planner.Fit fit(Rows rows, SamplePrompts samples) {
    try (Scope scope = Scope.measuring();
        Tuning tuning = dry(scope)) {
      return Planner.fit(tuning.model(), wanted(tuning, rows, samples, scope));
    }
  }

  /// The planner's input.
  ///
  /// @param tuning of this run
  /// @param samples prompts that are answered during training
  Planner.Request wanted(Tuning tuning, Rows rows, SamplePrompts samples, Scope scope) {
    int sequences = settings.batchSize() * rows.sequences();
    long sampling =
        rows.sampled()
            ? Rollouts.limits(tuning.model(), 1, sequences, rows.longest()).bytes(tuning.model())
            : 0;
    return new Planner.Request(
        threads(),
        machine.peers().ranks(),
        settings.model().lanes(),
        sequences,
        rows.longest(),
        rows.largestStep(),
        rows.scored(),
        rows.replayed(),
        memoryBytes(),
        weights(scope).plusDense(tuning.frozenBytes() + (rows.sampled() ? othersBytes() : 0)),
        tuning.count().trained(),
        AdamWOptimizer.bytes(tuning.parameters(), settings.optimizer().optimizer()),
        Caches.ALL,
        Math.max(sampling, samples.bytes(tuning.model())),
        branches(rows.longest()));
  }

  /// Whether sequences share their prompt: not if dropout or length-dependent RoPE makes copies of
  /// the prompt differ, or if its rows count in a loss of their own.
  private boolean branches(int longest) {
    return settings.objective().objective().sharesPrompts()
        && settings.lora().dropout() == 0
        && !config.turnsAnew(1, longest)
        && !config.recurrent()
        && settings.lora().experts().routerAuxLossCoef() == 0;
  }

  /// Maximum bytes of an adapter that replaces the trained one between steps.
  private long othersBytes() {
    ObjectiveSettings objective = settings.objective();
    LoraSettings lora = settings.lora();
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
