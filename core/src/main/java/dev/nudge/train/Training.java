package dev.nudge.train;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.InitAdapter;
import dev.nudge.adapter.Initialization;
import dev.nudge.adapter.Lora;
import dev.nudge.adapter.ModelShape;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.Targets;
import dev.nudge.data.Batches;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Conversations;
import dev.nudge.data.Dataset;
import dev.nudge.data.Mixing;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.UnusedLabels;
import dev.nudge.format.Claim;
import dev.nudge.format.OutFolder;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.nn.LinearSlot;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Compute;
import dev.nudge.settings.Count;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.Given;
import dev.nudge.settings.InputException;
import dev.nudge.settings.LoopSettings;
import dev.nudge.settings.LoraSettings;
import dev.nudge.settings.Method;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.Quantize;
import dev.nudge.settings.TrainSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Fine-tunes: [#prepare] checks everything that can be wrong before anything starts, [#run] does
/// it.
public final class Training {
  private static final int WORTH_A_WARM_UP = 5; // steps; of fewer, the first is a quarter or more

  private Training() {}

  /// Tells whether the run of these settings is already finished in its folder.
  ///
  /// @throws dev.nudge.settings.InputException where its folder holds something else
  public static boolean finished(TrainSettings settings) {
    Path model = settings.model().model();
    OutFolder.mend(model);
    return RunFolder.check(
        Files.exists(model.resolve("config.json"))
            ? resolved(settings, Quantization.resolve(settings.model(), ModelConfig.load(model)))
            : settings);
  }

  /// The same; where something else is in the way, what is wrong with model or rows is told first,
  /// so that nobody mends one and then meets the other.
  ///
  /// @throws dev.nudge.settings.InputException for what is wrong with model, rows or folder
  public static boolean finished(TrainSettings settings, Machine machine) {
    try {
      return finished(settings);
    } catch (InputException inTheWay) {
      if (!Claim.isHeld(settings.output().out())) { // one that trains has the memory too
        checked(settings, machine, event -> {});
      }
      throw inTheWay;
    }
  }

  /// The settings with what the model's files settle.
  private static TrainSettings resolved(TrainSettings settings, Quantization quantization) {
    if (settings.lora().method() == Method.FULL) {
      checkDense(settings.model().model(), quantization);
    }
    TrainSettings method = settings.with("quantize", quantization.method());
    return quantization.method() == Quantize.NONE
        ? method
        : method.with("double_quant", quantization.doubleQuant());
  }

  /// Reads config, file headers, tokenizer and data, checks all settings and lays the run out.
  ///
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can mend
  public static Prepared prepare(TrainSettings wanted, Machine machine) {
    return prepare(wanted, machine, event -> {});
  }

  /// The same.
  ///
  /// @param events told how far rows are made into tokens
  public static Prepared prepare(
      TrainSettings wanted, Machine machine, Consumer<TrainEvent> events) {
    Prepared prepared = checked(wanted, machine, events);
    RunRoom.check(prepared);
    return prepared;
  }

  private static Prepared checked(
      TrainSettings wanted, Machine machine, Consumer<TrainEvent> events) {
    Path folder = wanted.model().model();
    ModelConfig config = ModelConfig.load(folder);
    List<String> warnings = new ArrayList<>();
    int maxLength = maxLength(wanted, config, warnings);
    Checkpoint.check(folder, config);
    Quantization quantization = Quantization.resolve(wanted.model(), config);
    TrainSettings settings = resolved(wanted, quantization);
    checkInit(settings, config);
    RunCheckpoints.Found found = RunFolder.resumable(settings, machine.cache());
    Instant at = found == null ? Instant.now() : Instant.parse(found.checkpoint().started());
    Compute compute = settings.model().compute();
    Backend backend =
        found == null
            ? Backend.resolve(compute, machine.cache(), config.widths())
            : Backend.again(
                compute, found.checkpoint().made().compute(), machine.cache(), config.widths());
    Resumed resumed = found == null ? null : Resumed.of(found, settings, backend);
    warnings.addAll(backend.notes());
    NewParts.Tokens tokens =
        NewParts.tokens(settings.lora(), folder, config, machine.cache(), warnings::add);
    Tokenizer tokenizer = tokens.tokenizer();
    Path init = settings.lora().initAdapter();
    DataSettings source = settings.data();
    ChatRows chat =
        ChatRows.of(folder, init, source.shape().template(), source.trainOn(), tokenizer).on(at);
    Splits splits = splits(settings, maxLength, tokenizer, chat, cache(machine, events));
    Dataset data = splits.train();
    Dataset held = splits.held();
    ModelConfig grown = tokens.grown();
    data.examples().forEach(e -> grown.checkTokens(e.ids()));
    if (held != null) {
      held.examples().forEach(e -> grown.checkTokens(e.ids()));
    }
    boolean spoken = data.shapes().spoken() > 0;
    ChatRows.warnUnused(source, data.shapes(), warnings::add);
    UnusedLabels.warn(source, data, warnings::add);
    if (spoken && source.shape().template() != null) {
      chat.warnStrange(folder, warnings::add);
    }
    SamplePrompts samples =
        SamplePrompts.of(
            settings,
            splits,
            maxLength,
            new PromptEncoder(tokenizer, chat, spoken),
            spoken ? chat.turnEnd() : null,
            grown);
    warnOfRows(data, held, settings.eval().evalData() != null, warnings);
    Batches batches = batches(settings, data);
    Integer given = settings.loop().steps();
    Double epochs = settings.loop().epochs();
    int steps = given != null ? given : batches.steps(epochs == null ? 1 : epochs);
    warnOfRates(settings, steps, warnings);
    if (init != null) {
      Identity.check(
          init,
          new Identity.Model(
              folder,
              quantization.method(),
              quantization.doubleQuant(),
              () -> BaseDigest.of(folder, machine.cache())),
          settings.model().anyBase(),
          warnings::add);
    }
    Request.Rows rows = Request.Rows.of(data, held, settings.loop().batchSize());
    Request request = Request.of(settings).withAdded(tokens.added());
    try (Scope scope = Scope.measuring();
        Tuning tuning = request.dry(config, backend, quantization, scope)) {
      warnings.addAll(tuning.warnings());
      Supplier<Plan> anew =
          () ->
              Planner.plan(
                  tuning.model(),
                  request.wanted(
                      tuning,
                      request.stored(config, backend, quantization, scope),
                      rows,
                      samples,
                      machine),
                  () ->
                      Forecast.remedies(
                          settings, config, backend, data, rows, tokens.added(), samples, machine));
      long free = settings.memory() == null ? machine.memoryBytes() : Long.MAX_VALUE;
      Plan plan = resumed == null ? anew.get() : plan(resumed, free, warnings, anew);
      return new Prepared(
          settings,
          machine,
          config,
          backend,
          tokens,
          changing(tuning.model()),
          tuning.savedBytes(),
          tuning.count(),
          data,
          held,
          splits.flaws(),
          samples,
          batches,
          steps,
          plan,
          resumed,
          spoken ? chat.template() : null,
          at,
          warnings);
    }
  }

  /// The layout of a run that goes on: that of before, wherever it can be.
  private static Plan plan(Resumed resumed, long free, List<String> warnings, Supplier<Plan> anew) {
    String other = resumed.anew();
    warnings.addAll(resumed.warnings(other));
    if (other != null) {
      return anew.get();
    }
    Plan plan = resumed.found().checkpoint().plan();
    if (plan.totalBytes() > free) {
      throw new InputException(
          "this run is laid out for %s, and %s are free; free more, or give --memory %dM: it goes on with a layout made anew, not bit-equal to one that was never interrupted"
              .formatted(Bytes.shown(plan.totalBytes()), Bytes.shown(free), free >> 20));
    }
    return plan;
  }

  /// The paths of layers whose weight, or a part of it, trains.
  private static Set<String> changing(CausalLm model) {
    return Stream.concat(model.slots().stream(), Stream.of(model.head()))
        .filter(slot -> slot.linear().changes())
        .map(LinearSlot::path)
        .collect(Collectors.toSet());
  }

  /// Warns of a run so short that its first step is much of it, where its rate is 0.
  private static void warnOfRates(TrainSettings settings, int steps, List<String> warnings) {
    if (steps >= WORTH_A_WARM_UP || LearningRate.of(settings.optimizer(), steps).at(0) > 0) {
      return;
    }
    warnings.add(
        (steps == 1 ? "the only step has" : "step 1 of " + steps + " has")
            + " the learning rate 0 by --warmup-from-zero: "
            + (steps == 1 ? "nothing is trained" : "it trains nothing")
            + "; leave it out, or give more --epochs or --steps");
  }

  /// Refuses to train weights in four bits.
  static void checkDense(Path folder, Quantization quantization) {
    if (quantization.any()) {
      throw new InputException(
          "--method full: the weights in "
              + folder
              + " are stored in "
              + quantization.name()
              + ", which cannot be trained; give a folder with dense weights, or"
              + " leave --method out to train an adapter");
    }
  }

  /// Refuses a base that the adapter cannot begin on.
  private static void checkInit(TrainSettings settings, ModelConfig config) {
    Path folder = settings.model().model();
    Quantize quantize = settings.model().quantize();
    Initialization.of(settings.lora().init())
        .check(
            folder,
            quantize != null && quantize != Quantize.NONE,
            () -> Quantization.resolve(ModelSettings.of(folder), config).any());
  }

  private static int maxLength(TrainSettings settings, ModelConfig config, List<String> warnings) {
    Integer given = settings.model().maxLength();
    int most = config.maxPositionEmbeddings();
    if (given != null && given > most) {
      warnings.add(
          "--max-length " + given + " is above the model's max_position_embeddings, " + most);
    }
    return given == null ? most : given;
  }

  private static void warnOfRows(
      Dataset data, @Nullable Dataset held, boolean others, List<String> warnings) {
    if (data.untrainedRows() > 0) {
      warnings.add(
          Count.of(data.untrainedRows(), "row", "has", "have")
              + " nothing to train: one token, or cut before an answer");
    }
    if (held == null) {
      return;
    }
    if (held.untrainedRows() > 0) {
      warnings.add(
          Count.of(held.untrainedRows(), "held-out row", "has", "have")
              + " nothing that counts: one token, or cut before an answer");
    }
    int known = held.rowsIn(data);
    if (known > 0) {
      warnings.add(
          Count.of(known, "row")
              + (others ? " of --eval-data " : " held out ")
              + (known == 1 ? "is" : "are")
              + (others ? " in --data too" : " among those to train on too")
              + ", so the held-out loss is not that of unseen rows; "
              + (others
                  ? "take them out of one of the two"
                  : "--drop-rows duplicates takes them out"));
    }
  }

  /// The tokens that are kept, telling of those that are made.
  private static TokenCache cache(Machine machine, Consumer<TrainEvent> events) {
    long begun = System.nanoTime();
    return TokenCache.in(machine.cache())
        .watched(
            (rows, tokens, share) ->
                events.accept(
                    new TrainEvent.Tokenised(
                        rows, tokens, share, (System.nanoTime() - begun) / 1e9)));
  }

  private static Splits splits(
      TrainSettings settings,
      int maxLength,
      Tokenizer tokenizer,
      Conversations chat,
      TokenCache cache) {
    return Splits.load(
        new Splits.Wanted(
            settings.data(),
            settings.eval(),
            settings.quality(),
            settings.length(),
            settings.loop().seed()),
        maxLength,
        tokenizer,
        chat,
        cache);
  }

  private static Batches batches(TrainSettings settings, Dataset data) {
    LoopSettings loop = settings.loop();
    if (loop.mixture().isEmpty()) {
      return Batches.of(data.rows(), loop.batchSize(), loop.seed(), loop.shuffle());
    }
    return Batches.mixed(
        Mixing.portions(data, settings.data().data(), loop.mixed()),
        loop.batchSize(),
        loop.seed(),
        loop.shuffle());
  }

  /// Puts an adapter on a model, for any settings that shape an adapter.
  ///
  /// @param given which of them were given, which must not disagree with an adapter to continue
  /// from
  /// @param added ids of new tokens
  static Adapters attach(
      CausalLm model,
      LoraSettings lora,
      Given given,
      List<Integer> added,
      long seed,
      int lanes,
      Scope scope) {
    Dtype compute = model.backend().compute();
    Path init = lora.initAdapter();
    if (init == null) {
      Lora spec =
          Lora.of(lora.rank(), lora.alpha(), Targets.parse(lora.targets()))
              .withRsLora(lora.rsLora())
              .withDropout(lora.dropout())
              .withExtras(NewParts.extras(lora, ModelShape.of(model.modules()), added));
      return Adapters.attach(model.modules(), spec, seed, compute, lanes, scope);
    }
    try (PeftAdapter adapter = PeftAdapter.open(init)) {
      check(adapter, lora, given, ModelShape.of(model.modules()));
      return Adapters.attach(model.modules(), adapter, lora.dropout(), compute, lanes, scope);
    }
  }

  private static void check(PeftAdapter adapter, LoraSettings lora, Given given, ModelShape model) {
    new InitAdapter(
            given.contains("rank") ? (Integer) lora.rank() : null,
            given.contains("alpha") ? (Double) lora.alpha() : null,
            given.contains("rs_lora") ? (Boolean) lora.rsLora() : null,
            given.contains("targets") ? Targets.parse(lora.targets()) : null)
        .check(adapter.spec(), adapter.folder(), model.paths(), model.ends());
  }

  /// Prepares and runs, as the command does: a run that is finished already in its folder is not
  /// made again, and kernels are warmed up while files are read.
  ///
  /// @param ready told what was prepared, before the first event of a run that is made
  /// @param events told from this thread, in order
  /// @param cancelled asked between steps; once true, the adapter is saved as it stands. An
  ///     interrupt of this thread does the same
  /// @throws InputException in one line, for whatever a user can mend; nothing is written then
  /// @throws dev.nudge.settings.RunException where it fails while running
  public static RunResult run(
      TrainSettings settings,
      Machine machine,
      Consumer<Prepared> ready,
      Consumer<TrainEvent> events,
      BooleanSupplier cancelled) {
    if (finished(settings, machine)) {
      Path out = settings.output().out();
      events.accept(
          new TrainEvent.Warning("this run is finished already in " + out + "; nothing to do"));
      return RunFolder.result(out);
    }
    try (WarmUp warmUp = WarmUp.startOnce(settings, machine)) {
      Prepared prepared = prepare(settings, machine, events);
      Reservations.Taken taken = prepared.reserve();
      while (taken == null) { // another run was planned meanwhile
        prepared = prepare(settings, prepared.machine().again(), events);
        taken = prepared.reserve();
      }
      try (Reservations.Taken _ = taken) {
        ready.accept(prepared);
        RunResult result =
            run(
                prepared,
                event -> {
                  if (event instanceof TrainEvent.Planned) { // all is loaded
                    warmUp.close();
                  }
                  events.accept(event);
                },
                cancelled);
        warmUp.join(); // it ended at the first step, and its memory is not left behind
        return result;
      }
    }
  }

  /// What the `run.json` of a run's folder holds, as plain values.
  ///
  /// @throws InputException where it cannot be read
  public static Map<String, @Nullable Object> record(Path out) {
    return RunFolder.record(out);
  }

  /// The settings that were given for the run in a folder, by key, for one that goes on with it.
  ///
  /// @throws InputException where there is none
  public static Map<String, @Nullable Object> given(Path out) {
    return RunFolder.given(out);
  }

  /// The names of what a run has written into its folder, whether they are there or not: what
  /// `--overwrite` may remove.
  public static List<String> written(Path out) {
    return RunFolder.names(out);
  }

  /// Runs what was prepared.
  ///
  /// @throws dev.nudge.settings.RunException where it fails while running
  public static RunResult run(
      Prepared prepared, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    String command = prepared.settings().watch().onEvent();
    if (command == null) {
      return made(prepared, events, cancelled);
    }
    try (EventCommand told = EventCommand.of(command, events)) {
      return made(prepared, told, cancelled);
    }
  }

  private static RunResult made(
      Prepared prepared, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    int[] step = {0};
    Consumer<TrainEvent> told =
        event -> {
          step[0] = event instanceof TrainEvent.Step made ? made.step() : step[0];
          events.accept(event);
        };
    try (Run run = new Run(prepared, told, System::nanoTime)) {
      return run.go(cancelled);
    } catch (RuntimeException | Error e) {
      try {
        String said = e.getMessage();
        events.accept(new TrainEvent.Failed(step[0], said == null ? e.toString() : said));
      } catch (RuntimeException | Error listener) {
        e.addSuppressed(listener); // it may be what failed
      }
      throw e;
    }
  }
}
