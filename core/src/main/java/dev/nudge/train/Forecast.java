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
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.text.NewTokens;
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
  private final Assembly<PlanSettings> run;
  private final PlanSettings settings;
  private final ModelConfig config;
  private final @Nullable Dataset data;
  private final Assembly.Rows rows;

  private Forecast(Assembly<PlanSettings> run, @Nullable Dataset data, Assembly.Rows rows) {
    this.run = run;
    this.settings = run.settings();
    this.config = run.config();
    this.data = data;
    this.rows = rows;
  }

  /// The planned layout of a run with the given settings.
  public record Attempt(Planner.Fit fit, ParameterCount count, List<String> advice) {}

  /// Plans a run on this machine.
  ///
  /// @throws InputException in one line, for user errors
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
    Assembly<PlanSettings> run =
        new Assembly<>(
            settings,
            machine.among(Collective.planned(settings.ranks())),
            config,
            Assembly.quantization(settings.model(), config, weights),
            backend,
            weights,
            added(settings, config, machine));
    DataSettings source = settings.rows();
    if (source == null) {
      return new Forecast(run, null, run.longestRows()).outlook(probe);
    }
    NewParts.Tokens tokens = tokens(settings, config, machine);
    WantedRows wanted = WantedRows.of(settings.objective(), source);
    ChatRows chat = run.chat(source, tokens.tokenizer(), Instant.now());
    TokenCache cache = TokenCache.in(machine.cache());
    Splits splits = run.splits(run.request(source, wanted), tokens, chat, cache);
    double clip = settings.optimizer().epsilon();
    Objective objective = Objectives.of(settings.objective(), clip, run.maxLength(), wanted);
    int replayed =
        settings.objective().replay().isEmpty()
            ? 0
            : Replay.read(
                    settings.objective(),
                    source.shape().template(),
                    run.maxLength(),
                    tokens.tokenizer(),
                    chat,
                    cache)
                .longest();
    Dataset data = splits.train();
    return new Forecast(run, data, run.rows(data, splits.held(), objective, replayed))
        .outlook(probe);
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

  private Outlook outlook(Probe probe) {
    try (Scope scope = Scope.measuring();
        Tuning tuning = run.dry(scope)) {
      CausalLm dry = tuning.model();
      SamplePrompts none = SamplePrompts.none();
      ParameterCount count = run.count(tuning, scope);
      Planner.Fit fit = Planner.fit(dry, run.wanted(tuning, rows, none, scope));
      Attempt attempt = new Attempt(fit, count, advice(dry, count.trained()));
      Rates rates =
          settings.probe() && fit.fits()
              ? probe.measure(
                  config, run.quantization(), settings.full() ? null : everywhere(), fit.plan())
              : null;
      return new Outlook(
          settings,
          config,
          attempt,
          run.memoryBytes(),
          levels(fit.plan(), dry),
          fit.fits() ? List.of() : new Remedies(run, rows, none).found(),
          rates == null ? null : pace(attempt, rates, dry));
    }
  }

  private List<String> advice(CausalLm dry, long trained) {
    List<String> advice =
        new ArrayList<>(
            settings.full()
                ? Advice.ofFull(trained, settings.optimizer())
                : Advice.lines(dry, trained, settings.batchSize()));
    if (!settings.objective().objective().compares()) {
      advice.add(
          AutoRate.advice(
              settings.lora().method(),
              Tuning.plainAlpha(settings.lora()),
              settings.optimizer(),
              config.hiddenSize()));
    }
    return advice;
  }

  /// The run's adapter with the same targets in every layer, each of its mean rank: a slice of the
  /// model has other layer indices.
  private Lora everywhere() {
    try (Scope scope = Scope.measuring();
        CausalLm model = Checkpoint.dry(config, run.backend(), run.quantization())) {
      Adapters adapters = Tuning.attach(model, run, 1, scope);
      adapters.detach();
      Lora spec = adapters.kind().where();
      return Lora.of(spec.rank(), spec.alpha(), Targets.leafNames(adapters.paths()))
          .withPatterns(meanRanks(spec, adapters.paths()), Map.of())
          .withRsLora(spec.rsLora())
          .withDropout(spec.dropout())
          .withVariant(spec.variant());
    }
  }

  /// The mean ranks, by the last name of paths, that are not the default.
  static Map<String, Integer> meanRanks(Lora spec, Collection<String> paths) {
    Map<String, Double> means =
        paths.stream()
            .collect(Collectors.groupingBy(Targets::leaf, Collectors.averagingInt(spec::rank)));
    Map<String, Integer> ranks = new TreeMap<>();
    means.forEach((leaf, mean) -> ranks.put(leaf, Math.toIntExact(Math.round(mean))));
    ranks.values().removeIf(rank -> rank == spec.rank());
    return ranks;
  }

  /// Bytes of all lanes' activations with every layer at one checkpointing level.
  private static Map<Recompute, Long> levels(Plan plan, CausalLm dry) {
    Map<Recompute, Long> bytes = new LinkedHashMap<>();
    for (Recompute level : Recompute.values()) {
      dry.recompute(Collections.nCopies(dry.layers(), level));
      bytes.put(
          level,
          plan.lanes()
              * dry.measured().trainParts(plan.microBatchTokens(), plan.longest()).saved());
    }
    return bytes;
  }

  /// Cuts a step as the trainer does and computes its time from its FLOPs and the measured rates.
  private Outlook.Pace pace(Attempt attempt, Rates rates, CausalLm dry) {
    dry.recompute(attempt.fit().plan().levels());
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

  /// Lists work that the predicted time omits.
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

  /// The work of a step besides its training pass, as a share of it: an objective's scoring pass is
  /// a forward pass, twice with mismatched sequences; sampled completions are also scored by the
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
    return settings.full() ? 1.0 / 3 : 0.5;
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

  /// The sequences of the first batch of prompts, each completion of maximum length.
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
