package dev.nudge.train;

import dev.nudge.adapter.init.Initialization;
import dev.nudge.data.Batches;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Conversations;
import dev.nudge.data.Dataset;
import dev.nudge.data.Mixing;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.UnusedLabels;
import dev.nudge.data.rows.Answers;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.format.GgufFile;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.plan.AutoRate;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.MemoryException;
import dev.nudge.settings.train.LoopSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.ReferenceModel;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Scope;
import dev.nudge.train.checkpoint.Resumed;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.objective.GroupCheck;
import dev.nudge.train.objective.GroupRewards;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.Objectives;
import dev.nudge.train.objective.SamplePrompts;
import dev.nudge.train.optimizer.LearningRate;
import dev.nudge.train.replay.Replay;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Checks everything that can be wrong with a run before it starts, and plans it. Reads config,
/// file headers, tokenizer and rows, but no weights.
final class Preparation {
  private static final int WORTH_A_WARM_UP = 5; // steps; of fewer, the first is a quarter or more

  private static final double MOST_GOOD = 4.0 / 3; // weight of good answers over that of bad ones

  private final Assembly<TrainSettings> run;
  private final TrainSettings settings;
  private final Objective objective;
  private final WantedRows wantedRows;
  private final Instant at;
  private final @Nullable Resumed resumed;
  private final NewParts.Tokens tokens;
  private final List<String> warnings = new ArrayList<>();

  /// Checks a run and plans it.
  ///
  /// @param objective null: that of the settings
  /// @param events receives the progress of tokenisation
  static Prepared of(
      TrainSettings wanted,
      Machine machine,
      @Nullable Objective objective,
      Consumer<TrainEvent> events) {
    return of(wanted, machine, objective, events, new Training.SharedInputs());
  }

  /// As above, with inputs that preparations share.
  static Prepared of(
      TrainSettings wanted,
      Machine machine,
      @Nullable Objective objective,
      Consumer<TrainEvent> events,
      Training.SharedInputs shared) {
    return new Preparation(wanted, machine, objective, shared).prepared(events, shared);
  }

  /// Checks the model, and finds the checkpoint to resume from.
  private Preparation(
      TrainSettings wanted,
      Machine machine,
      @Nullable Objective objective,
      Training.SharedInputs shared) {
    Path folder = wanted.model().model();
    ModelConfig config = ModelConfig.load(folder);
    int maxLength = maxLength(wanted, config);
    this.wantedRows = WantedRows.of(wanted.objective(), wanted.data());
    double clip = wanted.optimizer().epsilon();
    this.objective =
        objective == null
            ? Objectives.of(wanted.objective(), clip, maxLength, wantedRows)
            : objective;
    GroupCheck.check(wanted, wantedRows);
    checkRanks(wanted, machine);
    Checkpoint.check(folder, config);
    Quantization quantization = Quantization.resolve(wanted.model(), config);
    this.settings = resolved(wanted, quantization, config);
    checkInit(config);
    RunCheckpoints.Found found =
        RunFolder.resumable(settings, this.objective.name(), machine.cache());
    this.at = found == null ? Instant.now() : Instant.parse(found.checkpoint().started());
    Compute compute = settings.model().compute();
    Backend backend =
        found == null
            ? Backend.resolve(compute, machine.cache(), config.widths())
            : Backend.again(
                compute, found.checkpoint().made().compute(), machine.cache(), config.widths());
    this.resumed =
        found == null ? null : Resumed.of(found, settings, backend, machine.peers().ranks());
    warnings.addAll(backend.notes());
    this.tokens =
        shared.tokens(
            Arrays.<@Nullable Object>asList(
                folder, settings.lora().addTokens(), settings.lora().initAdapter()),
            () -> NewParts.tokens(settings.lora(), folder, config, machine.cache(), warnings::add));
    this.run =
        new Assembly<>(settings, machine, config, quantization, backend, true, tokens.added());
  }

  /// Reads and checks the rows, and plans the run.
  private Prepared prepared(Consumer<TrainEvent> events, Training.SharedInputs shared) {
    ChatRows chat = run.chat(settings.data(), tokens.tokenizer(), at);
    Splits splits = splits(chat, events, shared);
    Dataset data = splits.train();
    Dataset held = splits.held();
    checkPassesOfBase(data, held);
    boolean spoken = data.shapes().spoken() > 0;
    warnOfShapes(data, chat, spoken);
    SamplePrompts samples = samples(splits, chat, spoken);
    warnOfRows(data, held);
    Replay replay = replay(chat, events);
    GroupRewards rewards =
        data.promptsOnly() ? GroupRewards.of(settings.objective().rollouts(), splits) : null;
    Batches batches = batches(data).repeated(objective.iterations());
    int steps = steps(batches);
    warnOfRates(steps);
    checkBase();
    Assembly.Rows rows = run.rows(data, held, objective, replay == null ? 0 : replay.longest());
    try (Scope scope = Scope.measuring();
        Tuning tuning = run.dry(scope)) {
      warnings.addAll(tuning.warnings());
      boolean joins =
          tuning.joins()
              && objective == Objective.SUPERVISED
              && replay == null
              && !run.config().hasExperts();
      Plan plan = plan(tuning, rows, samples, scope);
      return new Prepared(
          run,
          new Prepared.Trained(run.count(tuning, scope), tuning.savedBytes(), joins),
          new Prepared.Inputs(
              tokens, spoken ? chat.template() : null, data, held, splits.flaws(), samples),
          new Prepared.Schedule(batches, steps, at, resumed),
          new Prepared.Goal(objective, replay, rewards),
          plan,
          warnings);
    }
  }

  private SamplePrompts samples(Splits splits, ChatRows chat, boolean spoken) {
    return SamplePrompts.of(
        settings,
        splits,
        run.maxLength(),
        new PromptEncoder(tokens.tokenizer(), chat, spoken),
        spoken ? chat.turnEnd() : null,
        tokens.grown());
  }

  private Splits splits(
      Conversations chat, Consumer<TrainEvent> events, Training.SharedInputs shared) {
    Splits.Request wanted = run.request(settings.data(), wantedRows);
    return shared.splits(
        Arrays.<@Nullable Object>asList(
            wanted,
            run.maxLength(),
            settings.model().model(),
            settings.lora().initAdapter(),
            tokens.added(),
            LocalDate.ofInstant(at, ZoneOffset.UTC)),
        () -> run.splits(wanted, tokens, chat, cache(events)));
  }

  /// Refuses added tokens in base passes, and EVA on prompts alone.
  private void checkPassesOfBase(Dataset data, @Nullable Dataset held) {
    boolean eva = Tuning.isEva(settings.lora());
    boolean sampled = data.promptsOnly();
    if (eva && sampled) {
      throw new InputException(
          "--init eva looks at the tokens that are trained, of which rows of prompts alone have"
              + " none; take another --init");
    }
    ObjectiveSettings of = settings.objective();
    boolean bare =
        of.hasReference()
            && settings.lora().method() != Method.FULL
            && of.measuredAgainst(settings.lora()) == ReferenceModel.BASE;
    int known = run.config().vocabSize();
    if ((eva || bare)
        && tokens.grown().vocabSize() != known
        && (sampled || hasTokens(data, known) || held != null && hasTokens(held, known))) {
      throw new InputException(
          "the base has no rows for the new tokens, and %s sends them through it; %s"
              .formatted(
                  eva ? "--init eva" : "--reference base",
                  eva
                      ? "take another --init"
                      : "add them by a run with --objective sft, and give its folder as"
                          + " --init-adapter with --reference init-adapter"));
    }
  }

  private static boolean hasTokens(Dataset rows, int from) {
    return rows.examples().stream()
        .flatMapToInt(e -> IntStream.of(e.ids()))
        .anyMatch(id -> id >= from);
  }

  private @Nullable Replay replay(Conversations chat, Consumer<TrainEvent> events) {
    Replay replay =
        Replay.load(
            settings.objective(),
            settings.loop(),
            settings.data().shape().template(),
            run.maxLength(),
            tokens.tokenizer(),
            chat,
            cache(events));
    if (replay != null) {
      if (tokens.grown().vocabSize() != run.config().vocabSize()) {
        throw new InputException(
            "--replay is given with tokens that the base has not; it has nothing to say of them, so"
                + " leave one out");
      }
      replay.examples().forEach(e -> run.config().checkTokens(e.ids()));
    }
    return replay;
  }

  private void warnOfShapes(Dataset data, ChatRows chat, boolean spoken) {
    DataSettings source = settings.data();
    ChatRows.warnUnused(source, data.shapes(), warnings::add);
    UnusedLabels.warn(source, data, warnings::add);
    if (!settings.objective().objective().compares()) {
      Answers.warn(source, WantedRows.TEXTS, warnings::add);
    }
    if (spoken && source.shape().template() != null) {
      chat.warnStrange(settings.model().model(), warnings::add);
    }
  }

  private int steps(Batches batches) {
    Integer given = settings.loop().steps();
    Double epochs = settings.loop().epochs();
    return given != null ? given : batches.steps(epochs == null ? 1 : epochs);
  }

  /// Checks that the initial adapter was trained on the model.
  private void checkBase() {
    Path init = settings.lora().initAdapter();
    if (init != null) {
      checkBase("--init-adapter " + init, init);
    }
    for (RewardSource reward : settings.objective().rollouts().rewards()) {
      Path judge = reward.adapter();
      if (judge != null) {
        checkBase("--reward " + reward.text(), judge);
      }
    }
  }

  private void checkBase(String flag, Path adapter) {
    Path folder = settings.model().model();
    Identity.Model base =
        new Identity.Model(
            folder,
            run.quantization().format(),
            () -> BaseDigest.of(folder, run.machine().cache()));
    boolean anyBase = settings.model().anyBase();
    Identity.check(adapter, base, anyBase, warnings::add);
    if (Identity.folded(adapter, base, anyBase) != null) {
      throw new InputException(
          "%s was trained on the source of %s, and --method awq scaled what it stands on; give the source as --model"
              .formatted(flag, folder));
    }
  }

  private Plan plan(Tuning tuning, Assembly.Rows rows, SamplePrompts samples, Scope scope) {
    Supplier<Plan> anew =
        () ->
            Planner.plan(
                tuning.model(),
                run.wanted(tuning, rows, samples, scope),
                () -> new Remedies(run, rows, samples).found());
    return resumed == null ? anew.get() : goneOnWith(resumed, anew);
  }

  /// The layout of a resumed run: the earlier layout if possible.
  private Plan goneOnWith(Resumed resumed, Supplier<Plan> anew) {
    String other = resumed.anew();
    warnings.addAll(resumed.warnings(other));
    if (other != null) {
      return anew.get();
    }
    long free = settings.memory() == null ? run.machine().memoryBytes() : Long.MAX_VALUE;
    Plan plan = resumed.found().checkpoint().plan();
    if (plan.totalBytes() > free) {
      throw new MemoryException(
          "the run needs %s, and %s are free; free memory, or set --memory %dM (new layout: not bit-identical to an uninterrupted run)"
              .formatted(Bytes.shown(plan.totalBytes()), Bytes.shown(free), free >> 20));
    }
    return plan;
  }

  /// Warns if a run is so short that its first step, with learning rate 0, is a large share of it.
  private void warnOfRates(int steps) {
    if (steps >= WORTH_A_WARM_UP || LearningRate.of(settings.optimizer(), steps).at(0) > 0) {
      return;
    }
    warnings.add(
        (steps == 1 ? "the only step has" : "step 1 of " + steps + " has")
            + " the learning rate 0 by --warmup-from-zero: "
            + (steps == 1 ? "nothing is trained" : "it trains nothing")
            + "; leave it out, or give more --epochs or --steps");
  }

  /// The settings, completed from the model's files.
  static TrainSettings resolved(
      TrainSettings settings, Quantization quantization, ModelConfig config) {
    if (settings.lora().method() == Method.FULL) {
      checkDense(settings.model().model(), quantization);
    }
    TrainSettings fitted =
        settings.optimizer().learningRate().isAuto()
            ? settings.withLearningRate(
                AutoRate.of(
                    settings.lora().method(),
                    Tuning.plainAlpha(settings.lora()),
                    settings.optimizer(),
                    config.hiddenSize()))
            : settings;
    return quantization.asking(fitted);
  }

  /// Refuses full fine-tuning of packed weights, and of a GGUF file, which is not written.
  static void checkDense(Path folder, Quantization quantization) {
    boolean gguf = GgufFile.is(folder);
    if (quantization.any() || gguf) {
      throw new InputException(
          "--method full: the weights in "
              + folder
              + " are stored in "
              + (gguf ? "gguf" : quantization.name())
              + ", which cannot be trained; give a folder with dense weights, or"
              + " leave --method out to train an adapter");
    }
  }

  /// Refuses single-process settings.
  private static void checkRanks(TrainSettings wanted, Machine machine) {
    if (machine.peers().ranks() == 1) {
      return;
    }
    if (!wanted.objective().replay().isEmpty()) {
      throw new InputException(
          "--replay: with --ranks above 1 no rows are replayed; leave one out");
    }
    if (Tuning.isEva(wanted.lora())) {
      throw new InputException(
          "--init eva: ranks of layers are found by one process; with --ranks above 1 give --init"
              + " default, or an adapter that began by EVA as --init-adapter");
    }
  }

  /// Refuses a base model that the adapter's initialisation does not support.
  private void checkInit(ModelConfig config) {
    Path folder = settings.model().model();
    Quantize quantize = settings.model().quantize();
    Initialization.of(settings.lora().init())
        .check(
            folder,
            quantize != null && quantize != Quantize.NONE,
            () -> Quantization.resolve(ModelSettings.of(folder), config).any());
  }

  private int maxLength(TrainSettings settings, ModelConfig config) {
    Integer given = settings.model().maxLength();
    int most = config.maxPositionEmbeddings();
    if (given != null && given > most) {
      warnings.add(
          "--max-length " + given + " is above the model's max_position_embeddings, " + most);
    }
    return given == null ? most : given;
  }

  private void warnOfRows(Dataset data, @Nullable Dataset held) {
    if (data.pairs() != null) {
      warnings.addAll(data.pairs().warnings());
    }
    if (data.groups() != null) {
      warnings.addAll(data.groups().warnings());
    }
    if (data.promptsOnly()) {
      return; // prompts are not trained
    }
    if (settings.objective().objective().rows() == ObjectiveName.Rows.LABELLED) {
      warnOfLabels(data);
    }
    boolean others = settings.eval().evalData() != null;
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

  /// Warns if good and bad answers have unequal total weights.
  private void warnOfLabels(Dataset data) {
    long good = data.examples().stream().filter(e -> e.value() > 0).count();
    long bad = data.rows() - good;
    if (good == 0 || bad == 0) {
      warnings.add(
          "all rows are labelled " + (good == 0 ? "bad" : "good") + ": nothing is compared");
      return;
    }
    double ratio =
        settings.objective().desirableWeight()
            * good
            / (settings.objective().undesirableWeight() * bad);
    if (ratio < 1 || ratio > MOST_GOOD) {
      warnings.add(
          String.format(
              Locale.ROOT,
              "%,d good and %,d bad answers weigh %.2f to 1 by --desirable-weight and"
                  + " --undesirable-weight; from 1 to 1.33 is usual",
              good,
              bad,
              ratio));
    }
  }

  /// The token cache, which reports the progress of tokenisation.
  private TokenCache cache(Consumer<TrainEvent> events) {
    long begun = System.nanoTime();
    return TokenCache.in(run.machine().cache())
        .watched(
            (rows, tokens, share) ->
                events.accept(
                    new TrainEvent.Tokenised(
                        rows, tokens, share, (System.nanoTime() - begun) / 1e9)));
  }

  private Batches batches(Dataset data) {
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
}
