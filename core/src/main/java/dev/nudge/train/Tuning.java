package dev.nudge.train;

import dev.nudge.adapter.AdapterKind;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.Ia3;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.ParameterCount;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.init.EvaRecorder;
import dev.nudge.adapter.init.Initialization;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.InitAdapter;
import dev.nudge.adapter.targets.InitVariant;
import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.RankCheck;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.Trainable;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Given;
import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.train.ExpertAdapters;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.RunSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.train.checkpoint.Resumed;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The model, its trainable parameters, and how to save them. This is the only class in which
/// adapters and full fine-tuning differ for a run.
///
/// @param parameters the trainable parameters, in the order of the model
/// @param warnings for the user, one line each
/// @param frozenBytes that an adapter holds besides its parameters
/// @param savedBytes of an adapter's tensors in its file; 0 with full fine-tuning
/// @param writing writes the trained weights into a staging folder
/// @param detaching detaches the adapter; closing the model is separate
/// @param attaching attaches it again
/// @param adapters null with full fine-tuning
/// @param own whether the model is closed with it
record Tuning(
    CausalLm model,
    List<Parameter> parameters,
    ParameterCount count,
    List<String> warnings,
    long frozenBytes,
    long savedBytes,
    Consumer<Path> writing,
    Runnable detaching,
    Runnable attaching,
    @Nullable Adapters adapters,
    boolean own)
    implements AutoCloseable {

  /// Loads the model with the parameters that a run trains.
  ///
  /// @param scope owns the parameters
  static Tuning load(Prepared prepared, Scope scope) {
    return load(
        prepared.assembly(), prepared.plan(), scope, model -> attach(model, prepared, scope));
  }

  /// Loads a model for a rank that receives rank 0's numbers.
  static Tuning load(Assembly<?> run, Plan plan, Scope scope) {
    return load(
        run,
        plan,
        scope,
        model -> {
          Adapters adapters = attach(model, run, plan.lanes(), scope);
          begin(adapters, model, run, plan);
          return adapters;
        });
  }

  private static Tuning load(
      Assembly<?> run, Plan plan, Scope scope, Function<CausalLm, Adapters> attaching) {
    var settings = run.settings();
    CausalLm model = run.load(plan, trainable(run, plan.lanes(), scope), run.changing());
    try {
      model.balance(settings.lora().experts().routerAuxLossCoef());
      return of(model, settings, attaching);
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  /// The trained part: a model's weights or an adapter.
  static Tuning of(
      CausalLm model, RunSettings<?> settings, Function<CausalLm, Adapters> attaching) {
    return settings.full()
        ? whole(model, settings.model().model())
        : adapter(model, attaching.apply(model), settings, true);
  }

  /// Attaches a run's adapter to a model that other runs share.
  static Tuning on(CausalLm model, Prepared prepared, Scope scope) {
    return adapter(model, attach(model, prepared, scope), prepared.settings(), false);
  }

  /// Whether it can share passes with other runs.
  boolean joins() {
    return adapters != null && adapters.joins(model.head());
  }

  private static Adapters attach(CausalLm model, Prepared prepared, Scope scope) {
    var settings = prepared.settings();
    Plan plan = prepared.plan();
    if (isEva(settings.lora())) {
      return eva(model, prepared, scope);
    }
    Adapters adapters = attach(model, prepared.assembly(), plan.lanes(), scope);
    boolean anew = prepared.schedule().resumed() == null;
    if (anew || Initialization.of(settings.lora().init()).subtracts()) {
      begin(
          adapters, model, prepared.assembly(), plan); // a checkpoint has A and B, not their start
    }
    return adapters;
  }

  /// Whether ranks follow from the inputs of the layers.
  static boolean isEva(LoraSettings lora) {
    return lora.initAdapter() == null && lora.init().kind() == AdapterInit.Kind.EVA;
  }

  /// [LoraSettings#plainAlpha()] of the trained adapter, which an initial adapter sets.
  static double plainAlpha(LoraSettings lora) {
    Path init = lora.initAdapter();
    if (init == null) {
      return lora.plainAlpha();
    }
    try (PeftAdapter adapter = PeftAdapter.open(init)) {
      Lora spec = adapter.kind().where();
      if (spec.alpha() == 0) {
        throw new InputException(
            "--init-adapter %s has lora_alpha 0, so what it adds is 0 and stays so; give another"
                .formatted(init));
      }
      return LoraSettings.plainAlpha(Math.abs(spec.alpha()), spec.rank(), spec.rsLora());
    }
  }

  /// Attaches an adapter whose ranks are found in the training rows, or in the checkpoint.
  private static Adapters eva(CausalLm model, Prepared prepared, Scope scope) {
    var settings = prepared.settings();
    ModelShape shape = ModelShape.of(model.modules());
    boolean reward = settings.objective().objective().givesScores();
    Lora spec = spec(settings.lora(), shape, prepared.assembly().added(), reward);
    Set<String> paths = new LinkedHashSet<>();
    shape.adapted(spec).forEach(layer -> paths.add(layer.path()));
    Resumed resumed = prepared.schedule().resumed();
    try (EvaRecorder found =
        resumed == null ? EvaStart.record(model, spec, paths, prepared) : null) {
      Map<String, Integer> ranks =
          found == null && resumed != null
              ? PeftFiles.ranks(resumed.found().state(), paths)
              : Objects.requireNonNull(found).ranks();
      if (found != null) {
        found.detach();
      }
      Dtype compute = model.backend().compute();
      Plan plan = prepared.plan();
      Adapters adapters =
          Adapters.attach(
              model.modules(), spec.ranked(ranks), settings.seed(), compute, plan.lanes(), scope);
      if (found != null) {
        found.fill(adapters);
        adapters.begin(model.backend(), plan.threads());
      }
      return adapters;
    }
  }

  private static void begin(Adapters adapters, CausalLm model, Assembly<?> run, Plan plan) {
    var settings = run.settings();
    Initialization.of(settings.lora().init())
        .begin(
            adapters,
            new Initialization.Base(
                () -> Checkpoint.weights(settings.model().model(), run.config()),
                model.backend(),
                plan.threads(),
                settings.seed()));
    if (settings.lora().initAdapter() == null) {
      adapters.begin(model.backend(), plan.threads());
    }
  }

  /// Attaches the adapter of a run to its model; with a reward model, it has a score head.
  static Adapters attach(CausalLm model, Assembly<?> run, int lanes, Scope scope) {
    LoraSettings lora = run.settings().lora();
    Given given = run.settings().given();
    long seed = run.settings().seed();
    Dtype compute = model.backend().compute();
    boolean reward = run.settings().objective().objective().givesScores();
    Path init = lora.initAdapter();
    if (init == null && lora.method() == Method.IA3) {
      Ia3 kind = ia3(lora, given, reward);
      return Adapters.attach(model.modules(), kind, false, seed, compute, lanes, scope);
    }
    if (init == null) {
      Lora spec = spec(lora, ModelShape.of(model.modules()), run.added(), reward);
      if (isEva(lora)) { // only its maximum ranks are known before the rows are read
        ModelShape shape = ModelShape.of(model.modules());
        shape.checkInside("--init eva", shape.adapted(spec));
        shape.checkOwnRanks("--init eva", spec);
        RankCheck.twice("--init eva", spec, shape.adapted(spec));
        spec = spec.times(EvaRecorder.MORE);
      }
      boolean subtracts = Initialization.of(lora.init()).subtracts();
      return Adapters.attach(model.modules(), spec, subtracts, seed, compute, lanes, scope);
    }
    try (PeftAdapter adapter = PeftAdapter.open(init)) {
      checkMethod(adapter, lora.method());
      check(adapter, lora, given, ModelShape.of(model.modules()));
      checkHead(adapter, reward);
      return Adapters.attach(model.modules(), adapter, lora.dropout(), compute, lanes, scope);
    }
  }

  private static Ia3 ia3(LoraSettings lora, Given given, boolean reward) {
    String excluded = lora.variant().excludeModules();
    return Ia3.fresh(
        Lora.of(1, 1, given.contains("targets") ? Targets.parse(lora.targets()) : Ia3.usual())
            .withExtras(Extras.NONE.withScore(reward))
            .without(excluded == null ? null : Targets.parse(excluded), null));
  }

  private static void checkMethod(PeftAdapter adapter, Method method) {
    AdapterKind kind = adapter.kind();
    if (kind.method() != method) {
      throw new InputException(
          "--init-adapter %s is %s; give --method %s"
              .formatted(
                  adapter.folder(),
                  kind.shown(),
                  kind.method().toString().toLowerCase(Locale.ROOT)));
    }
  }

  /// The adapter that the settings describe.
  private static Lora spec(
      LoraSettings lora, ModelShape model, List<Integer> added, boolean reward) {
    var variant = lora.variant();
    String excluded = variant.excludeModules();
    String pattern = variant.layersPattern();
    List<Integer> layers = variant.layers();
    return Lora.of(lora.rank(), lora.alpha(), Targets.parse(lora.targets()))
        .withRsLora(lora.rsLora())
        .withDropout(lora.dropout())
        .withExtras(NewParts.extras(lora, model, added).withScore(reward))
        .withVariant(
            variant.dora()
                ? Lora.Variant.DORA
                : variant.loraBias() ? Lora.Variant.BIAS : Lora.Variant.PLAIN)
        .withPatterns(variant.ranks(), variant.alphas())
        .without(
            excluded == null ? null : Targets.parse(excluded),
            layers.isEmpty()
                ? null
                : new LayerFilter(layers, pattern == null ? List.of() : List.of(pattern)))
        .inFileOrder(model);
  }

  private static void checkHead(PeftAdapter adapter, boolean reward) {
    if (adapter.extras().score() != reward) {
      throw new InputException(
          "--init-adapter %s %s; %s"
              .formatted(
                  adapter.folder(),
                  reward ? "has no score head" : "is a reward model, with a score head",
                  reward
                      ? "leave it out to train a new reward model"
                      : "only --objective reward goes on with it"));
    }
  }

  private static void check(PeftAdapter adapter, LoraSettings lora, Given given, ModelShape model) {
    new InitAdapter(
            given.contains("rank") ? (Integer) lora.rank() : null,
            given.contains("alpha") ? (Double) lora.alpha() : null,
            given.contains("rs_lora") ? (Boolean) lora.rsLora() : null,
            given.contains("targets") ? Targets.parse(lora.targets()) : null)
        .check(adapter.kind().where(), adapter.folder(), model.paths(), model.ends());
    new InitVariant(lora.variant(), lora.dropout(), given)
        .check(adapter.kind().where(), adapter.folder());
  }

  private static Tuning adapter(
      CausalLm model, Adapters adapters, RunSettings<?> settings, boolean own) {
    ExpertAdapters experts = settings.lora().experts().expertAdapters();
    Path base = settings.model().model(); // as the adapter's config names it
    return new Tuning(
        model,
        adapters.parameters(),
        adapters.count(model.config().parameters()),
        adapters.warnings(),
        adapters.frozenBytes(),
        adapters.savedBytes(experts),
        folder -> adapters.write(folder, HubName.kept(base), experts),
        adapters::detach,
        adapters::reattach,
        adapters,
        own);
  }

  /// @param base the model's folder, whose tensor names and stored types are kept
  private static Tuning whole(CausalLm model, Path base) {
    List<Parameter> parameters = model.parameters();
    long trained = parameters.stream().mapToLong(Parameter::elements).sum();
    return new Tuning(
        model,
        parameters,
        new ParameterCount(trained, model.config().parameters()),
        List.of(),
        0,
        0,
        folder -> ModelFolder.write(base, folder, parameters, model.backend().kernels()),
        () -> {},
        () -> {},
        null,
        true);
  }

  /// Returns full fine-tuning's tensors; null with LoRA.
  ///
  /// @throws dev.nudge.settings.InputException if `--freeze` matches nothing or everything
  static @Nullable Trainable trainable(Assembly<?> run, int lanes, Scope scope) {
    LoraSettings lora = run.settings().lora();
    return lora.method() == Method.FULL
        ? new Trainable(Freeze.trains(lora.freeze(), run.config()), lanes, scope)
        : null;
  }

  /// Writes the current trained weights into a staging folder.
  void write(Path folder) {
    writing.accept(folder);
  }

  /// Runs `work` with the adapter off.
  void bare(Runnable work) {
    detaching.run();
    try {
      work.run();
    } finally {
      attaching.run();
    }
  }

  /// Runs `work` with another adapter instead of the trained one.
  void on(Path folder, Runnable work) {
    bare(
        () -> {
          try (NamedAdapters others =
                  new NamedAdapters(model.modules(), model.backend().compute());
              PeftAdapter adapter = PeftAdapter.open(folder)) {
            others.attach("other", adapter);
            work.run();
          }
        });
  }

  /// Whether every trained number is finite.
  boolean isFinite() {
    var elementwise = model.backend().kernels().elementwise();
    return parameters.stream().allMatch(p -> Double.isFinite(elementwise.sumOfSquares(p.master())));
  }

  @Override
  public void close() {
    try {
      detaching.run();
    } finally {
      if (own) {
        model.close();
      }
    }
  }
}
