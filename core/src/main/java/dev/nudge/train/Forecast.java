package dev.nudge.train;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.ParameterCount;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.collective.Collective;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.Packing;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Batcher;
import dev.nudge.format.FolderText;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.DryPasses;
import dev.nudge.model.Quantization;
import dev.nudge.model.WeightBytes;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Advice;
import dev.nudge.plan.AutoRate;
import dev.nudge.plan.KnownModels;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.plan.Rates;
import dev.nudge.plan.SpeedProbe;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.text.NewTokens;
import dev.nudge.text.Tokenizer;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.Objectives;
import dev.nudge.train.objective.SamplePrompts;
import dev.nudge.train.replay.Replay;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Predicts a run's memory and speed without loading weights and without starting the run.
///
/// The model is a folder, of which `config.json` is enough, or the name of one of [KnownModels].
/// Without data every row is assumed to have the maximum length.
public final class Forecast {
  private final PlanSettings settings;
  private final ModelConfig config;
  private final Backend backend;
  private final boolean weightsAreThere;
  private final @Nullable Dataset data;
  private final PlanRequest.Rows rows;
  private final List<Integer> added;
  private final SamplePrompts samples;
  private final Machine machine;

  private Forecast(
      PlanSettings settings,
      ModelConfig config,
      Backend backend,
      boolean weightsAreThere,
      @Nullable Dataset data,
      PlanRequest.Rows rows,
      List<Integer> added,
      SamplePrompts samples,
      Machine machine) {
    this.settings = settings;
    this.config = config;
    this.backend = backend;
    this.weightsAreThere = weightsAreThere;
    this.data = data;
    this.rows = rows;
    this.added = added;
    this.samples = samples;
    this.machine = machine;
  }

  /// The planned layout of a run with the given settings.
  public record Attempt(Planner.Fit fit, ParameterCount count, List<String> advice) {}

  /// Plans a run on this machine.
  ///
  /// @throws InputException in one line, for whatever a user can fix
  public static Outlook of(PlanSettings settings, Machine machine) {
    Backend backend = Backend.resolve(settings.model().compute(), machine.cache());
    return of(
        settings,
        machine,
        backend,
        (config, quantization, lora, plan) ->
            SpeedProbe.measure(config, quantization, backend, lora, plan, System::nanoTime));
  }

  /// Measures the machine.
  interface Probe {
    /// @param lora null: all weights are trained
    Rates measure(ModelConfig config, Quantization quantization, @Nullable Lora lora, Plan plan);
  }

  static Outlook of(PlanSettings settings, Machine machine, Backend backend, Probe probe) {
    Path folder = settings.model().model();
    ModelConfig config = config(folder);
    boolean there = FolderText.isFolder(folder);
    boolean weights = there && hasWeights(folder);
    if (weights) {
      Checkpoint.check(folder, config);
    }
    int most = maxLength(settings, config);
    DataSettings source = settings.rows();
    Dataset data = null;
    PlanRequest.Rows rows =
        PlanRequest.Rows.assumed(most, settings.batchSize(), settings.objective());
    if (source != null) {
      NewParts.Tokens tokens = tokens(settings, config, machine);
      WantedRows wanted = WantedRows.of(settings.objective(), source);
      Tokenizer tokenizer = tokens.tokenizer();
      Splits splits =
          Splits.load(
              new Splits.Request(
                  source, settings.eval(), QualitySettings.KEEP, settings.length(), 0, wanted),
              most,
              tokenizer,
              ChatRows.of(folder, source, tokenizer).on(Instant.now()),
              TokenCache.in(machine.cache()));
      data = splits.train();
      data.examples().forEach(e -> tokens.grown().checkTokens(e.ids()));
      Objective objective =
          Objectives.of(settings.objective(), settings.optimizer().epsilon(), most, wanted);
      rows =
          PlanRequest.Rows.of(
              data,
              splits.held(),
              settings.batchSize(),
              objective,
              settings.objective().rollouts(),
              most);
      if (!settings.objective().replay().isEmpty()) {
        rows =
            rows.replaying(
                Replay.read(
                        settings.objective(),
                        source.shape().template(),
                        most,
                        tokenizer,
                        ChatRows.of(folder, source, tokenizer).on(Instant.now()),
                        TokenCache.in(machine.cache()))
                    .longest());
      }
    }
    if (source == null && !settings.objective().replay().isEmpty()) {
      rows = rows.replaying(Math.min(Replay.LONGEST, most));
    }
    Forecast forecast =
        new Forecast(
            settings,
            config,
            backend,
            weights,
            data,
            rows,
            added(settings, config, machine),
            SamplePrompts.none(),
            machine.among(Collective.planned(settings.ranks())));
    return forecast.outlook(probe);
  }

  /// Flags with which a run that does not fit would fit, each enough alone.
  static List<String> remedies(
      TrainSettings run,
      ModelConfig config,
      Backend backend,
      Dataset data,
      PlanRequest.Rows rows,
      List<Integer> added,
      SamplePrompts samples,
      Machine machine) {
    PlanSettings settings = PlanSettings.of(run);
    Forecast forecast =
        new Forecast(settings, config, backend, true, data, rows, added, samples, machine);
    return new Remedies(forecast::attempt, settings).found();
  }

  private static boolean hasWeights(Path folder) {
    if (!Files.isDirectory(folder)) {
      return true; // a GGUF file
    }
    String[] names = folder.toFile().list((in, name) -> name.endsWith(".safetensors"));
    return names != null && names.length > 0;
  }

  private static ModelConfig config(Path folder) {
    if (!Files.exists(folder)) {
      return KnownModels.named(folder.toString())
          .orElseThrow(
              () ->
                  new InputException(
                      folder
                          + ": no such model folder, and no shape of that name; shapes are "
                          + String.join(", ", KnownModels.names())
                          + Nearest.hint(folder.getFileName().toString(), KnownModels.names())));
    }
    return ModelConfig.load(folder);
  }

  /// Ids of added tokens; for a model without a tokenizer they follow its vocabulary.
  private static List<Integer> added(PlanSettings settings, ModelConfig config, Machine machine) {
    Path file = settings.lora().addTokens();
    if (file == null) {
      return List.of();
    }
    if (FolderText.exists(settings.model().model().resolve("tokenizer.json"))) {
      return tokens(settings, config, machine).added();
    }
    int count = NewTokens.read(file).size();
    return IntStream.range(config.vocabSize(), config.vocabSize() + count).boxed().toList();
  }

  private static NewParts.Tokens tokens(
      PlanSettings settings, ModelConfig config, Machine machine) {
    Path folder = settings.model().model();
    if (!FolderText.isFolder(folder)) {
      throw new InputException(
          "--data needs a tokenizer, and " + folder + " is a shape only; give --tokens instead");
    }
    return NewParts.tokens(settings.lora(), folder, config, machine.cache(), warning -> {});
  }

  private static int maxLength(PlanSettings settings, ModelConfig config) {
    return Objects.requireNonNullElse(settings.model().maxLength(), config.maxPositionEmbeddings());
  }

  private Outlook outlook(Probe probe) {
    Attempt attempt = attempt(settings);
    boolean fits = attempt.fit().fits();
    Rates rates =
        settings.probe() && fits
            ? probe.measure(
                config,
                quantization(settings),
                full(settings) ? null : everywhere(),
                attempt.fit().plan())
            : null;
    return new Outlook(
        settings,
        config,
        attempt,
        PlanRequest.of(settings).memoryBytes(machine),
        levels(attempt),
        fits ? List.of() : new Remedies(this::attempt, settings).found(),
        rates == null ? null : pace(attempt, rates));
  }

  /// Plans a run with some settings.
  private Attempt attempt(PlanSettings s) {
    Quantization q = quantization(s);
    PlanRequest request = PlanRequest.of(s).withAdded(added);
    try (Scope scope = Scope.measuring();
        Tuning tuning = request.dry(config, backend, q, scope)) {
      ParameterCount count =
          request.count(
              tuning,
              () -> PlanRequest.of(s.withInit(AdapterInit.DEFAULT)),
              config,
              backend,
              q,
              scope);
      Planner.Fit fit =
          Planner.fit(
              tuning.model(),
              request.wanted(
                  tuning,
                  weights(request, q, scope),
                  rows.cut(maxLength(s, config), s.batchSize()),
                  samples,
                  machine));
      List<String> advice =
          new ArrayList<>(
              full(s)
                  ? Advice.ofFull(count.trained(), s.optimizer())
                  : Advice.lines(tuning.model(), count.trained(), s.batchSize()));
      if (!s.objective().objective().compares()) {
        advice.add(
            AutoRate.advice(
                s.lora().method(),
                Tuning.plainAlpha(s.lora()),
                s.optimizer(),
                config.hiddenSize()));
      }
      return new Attempt(fit, count, advice);
    }
  }

  private static boolean full(PlanSettings s) {
    return s.lora().method() == Method.FULL;
  }

  /// The run's adapter with the same targets in every layer, each of its mean rank: a slice of the
  /// model has other layer indices.
  private Lora everywhere() {
    try (Scope scope = Scope.measuring();
        CausalLm model = Checkpoint.dry(config, backend, quantization(settings))) {
      Adapters adapters =
          Tuning.attach(
              model,
              settings.lora(),
              settings.objective().objective(),
              settings.given(),
              added,
              0,
              1,
              scope);
      adapters.detach();
      Lora spec = adapters.kind().where();
      return Lora.of(spec.rank(), spec.alpha(), Targets.leafNames(adapters.paths()))
          .withPatterns(meanRanks(spec, adapters.paths()), Map.of())
          .withRsLora(spec.rsLora())
          .withDropout(spec.dropout())
          .withVariant(spec.variant());
    }
  }

  /// The mean ranks, by the last name of paths, that are not the usual one.
  static Map<String, Integer> meanRanks(Lora spec, Collection<String> paths) {
    Map<String, Double> means =
        paths.stream()
            .collect(Collectors.groupingBy(Targets::leaf, Collectors.averagingInt(spec::rank)));
    Map<String, Integer> ranks = new TreeMap<>();
    means.forEach((leaf, mean) -> ranks.put(leaf, Math.toIntExact(Math.round(mean))));
    ranks.values().removeIf(rank -> rank == spec.rank());
    return ranks;
  }

  /// How the weights would be held: as the model's files or its config alone say, else as the
  /// settings say.
  private Quantization quantization(PlanSettings s) {
    return weightsAreThere
        ? Quantization.resolve(s.model(), config)
        : Quantization.expected(s.model(), config);
  }

  /// Bytes of the frozen weights: from the files, else from the shape.
  private WeightBytes weights(PlanRequest request, Quantization q, Scope scope) {
    if (weightsAreThere) {
      return request.stored(config, backend, q, scope);
    }
    Path folder = settings.model().model();
    boolean inFile = Quantization.stored(folder, config).any();
    return request.assumed(config, backend, q, inFile, Checkpoint.declaredType(folder), scope);
  }

  /// Bytes of all lanes' activations with every layer at one checkpointing level.
  private Map<Recompute, Long> levels(Attempt attempt) {
    var plan = attempt.fit().plan();
    Map<Recompute, Long> bytes = new LinkedHashMap<>();
    try (Scope scope = Scope.measuring();
        Tuning tuning =
            PlanRequest.of(settings)
                .withAdded(added)
                .dry(config, backend, quantization(settings), scope)) {
      CausalLm dry = tuning.model();
      for (Recompute level : Recompute.values()) {
        dry.recompute(Collections.nCopies(dry.layers(), level));
        bytes.put(
            level,
            plan.lanes()
                * dry.measured().trainParts(plan.microBatchTokens(), plan.longest()).saved());
      }
    }
    return bytes;
  }

  /// Cuts a step as the trainer does and computes its time from its FLOPs and the measured rates.
  private Outlook.Pace pace(Attempt attempt, Rates rates) {
    try (Scope scope = Scope.measuring();
        Tuning tuning =
            PlanRequest.of(settings)
                .withAdded(added)
                .dry(config, backend, quantization(settings), scope)) {
      CausalLm dry = tuning.model();
      dry.recompute(attempt.fit().plan().levels());
      return pace(attempt, rates, dry);
    }
  }

  private Outlook.Pace pace(Attempt attempt, Rates rates, CausalLm dry) {
    double pass = passes(attempt.fit().plan(), rates, dry);
    double update = attempt.count().trained() * rates.updateNanos() / 1e9;
    double seconds = pass * (1 + besideTraining()) + update;
    long tokens = step(attempt.fit().plan()).tokens();
    Double steps = steps(tokens);
    Double hours =
        steps == null
            ? null
            : (Double) ((steps * seconds + reference(steps, tokens) * pass) / 3600);
    return new Outlook.Pace(
        rates, seconds, tokens, hours, settings.pricePerHour(), notCounted(hours != null, attempt));
  }

  /// Steps of the run; null: unknown.
  private @Nullable Double steps(long tokens) {
    Integer given = settings.steps();
    Double epochs = settings.epochs();
    Double batches = batches(tokens);
    return given != null
        ? (Double) given.doubleValue()
        : batches == null || epochs == null
            ? null
            : (Double) (batches * epochs * settings.objective().rollouts().iterations());
  }

  /// Batches of all rows; null: unknown.
  ///
  /// @param tokens of a batch
  private @Nullable Double batches(long tokens) {
    if (data != null && data.promptsOnly()) {
      return (double) data.rows() / settings.batchSize();
    }
    Long all = settings.tokens() != null ? settings.tokens() : data == null ? null : data.tokens();
    return all == null ? null : (Double) ((double) all / tokens);
  }

  /// Training passes that take as long as the reference before the first step: it scores all rows
  /// once, with kto also the mismatched sequences of each step.
  private double reference(double steps, long tokens) {
    if (rows.sampled() || !settings.objective().hasReference()) {
      return 0;
    }
    double once = Objects.requireNonNullElse(batches(tokens), steps);
    boolean mismatched = settings.objective().objective().mismatches();
    return forward() * (once + (mismatched ? steps : 0));
  }

  /// What a run does that its time does not count.
  private List<String> notCounted(boolean all, Attempt attempt) {
    List<String> parts = new ArrayList<>();
    if (rows.sampled()) {
      parts.add("sampling of completions and their rewards");
    } else if (!all && settings.objective().hasReference()) {
      parts.add("the reference's pass over the rows before the first step");
    }
    if (settings.eval().any()) {
      parts.add("held-out rows");
    }
    if (settings.ranks() > 1) {
      long bytes = Dtype.F32.bytes() * attempt.count().trained();
      parts.add("the sum over the ranks, %s of gradients a step".formatted(Bytes.shown(bytes)));
    }
    return parts;
  }

  /// Seconds of the training passes of a step on the slowest rank.
  private double passes(Plan plan, Rates rates, CausalLm dry) {
    PlannedStep step = step(plan);
    int[] lengths = step.lengths();
    Packing packing =
        Packing.of(
            lengths,
            settings.ranks() * plan.lanes(),
            plan.microBatchTokens(),
            Batcher.cost(dry),
            plan.split().from());
    Map<List<Integer>, DryPasses.TrainWork> known = new HashMap<>();
    double share = step.trained();
    double together = 0;
    for (int position : packing.split()) {
      together += nanos(dry, plan, rates, share, known, List.of(lengths[position])) / plan.lanes();
    }
    double slowest = 0;
    for (List<List<Integer>> lane : packing.lanes()) {
      double nanos = 0;
      for (List<Integer> microBatch : lane) {
        List<Integer> cut = microBatch.stream().map(i -> lengths[i]).toList();
        nanos += nanos(dry, plan, rates, share, known, cut);
      }
      slowest = Math.max(slowest, nanos);
    }
    return (together + slowest) / 1e9;
  }

  /// The work of a step beside its training pass, as a share of that: an objective's scoring pass
  /// is a forward pass, twice with mismatched sequences; sampled completions are also scored by the
  /// reference and by each reward adapter, once a batch; a replayed token costs three forward
  /// passes where a trained one costs two.
  private double besideTraining() {
    var objective = settings.objective();
    var rollouts = objective.rollouts();
    double scored =
        switch (objective.objective().rows()) {
          case TEXTS -> 0;
          case PAIRS, LABELLED -> objective.objective().mismatches() ? 2 : 1;
          case GROUPS -> objective.hasReference() || rollouts.iterations() > 1 ? 1 : 0;
        };
    if (rows.sampled()) {
      long judges = rollouts.rewards().stream().filter(r -> r.adapter() != null).count();
      scored += (double) (judges + (objective.hasReference() ? 1 : 0)) / rollouts.iterations();
    }
    double replayed = objective.replay().isEmpty() ? 0 : 1.5 / Replay.SHARE;
    return scored * forward() + replayed;
  }

  /// A forward pass as a share of a training pass.
  private double forward() {
    return full(settings) ? 1.0 / 3 : 0.5;
  }

  /// Nanoseconds of one lane for a micro-batch.
  private static double nanos(
      CausalLm dry,
      Plan plan,
      Rates rates,
      double share,
      Map<List<Integer>, DryPasses.TrainWork> known,
      List<Integer> cut) {
    int tokens = cut.stream().mapToInt(Integer::intValue).sum();
    DryPasses.TrainWork work =
        known.computeIfAbsent(
            cut,
            lengths ->
                dry.measured()
                    .work(
                        lengths.stream().mapToInt(Integer::intValue).toArray(),
                        (int) Math.round(share * tokens)));
    return plan.lanes() * (work.layers() / rates.layers() + work.head() / rates.head());
  }

  private PlannedStep step(Plan plan) {
    return data == null
        ? PlannedStep.assumed(settings.batchSize() * rows.sequences(), plan.longest())
        : PlannedStep.of(
            data.promptsOnly() ? completed(data.examples(), plan.longest()) : data.examples(),
            settings.batchSize(),
            rows.sequences(),
            plan.branches(),
            Math.min(plan.microBatchTokens(), plan.split().from() - 1));
  }

  /// The sequences of the first batch of prompts, each completion as long as it may be.
  private List<Example> completed(List<Example> prompts, int longest) {
    int most = settings.objective().rollouts().maxCompletion();
    return prompts.stream()
        .limit(settings.batchSize())
        .flatMap(
            prompt -> {
              int length = Math.max(2, Math.min(longest, prompt.length() + most));
              int from = Math.min(prompt.length(), length - 1);
              int[] ids = Arrays.copyOf(prompt.ids(), length);
              Example whole = Example.sampled(ids, from, prompt.index(), 0);
              return Collections.nCopies(rows.sequences(), whole).stream();
            })
        .toList();
  }
}
