package dev.nudge.cli;

import dev.nudge.calibrate.CalibratedFolder;
import dev.nudge.cli.adapters.AdaptersAliasVerb;
import dev.nudge.cli.adapters.AdaptersCollectVerb;
import dev.nudge.cli.adapters.AdaptersCombineVerb;
import dev.nudge.cli.adapters.AdaptersDiffVerb;
import dev.nudge.cli.adapters.AdaptersExportVerb;
import dev.nudge.cli.adapters.AdaptersInspectVerb;
import dev.nudge.cli.adapters.AdaptersListVerb;
import dev.nudge.cli.adapters.AdaptersLogVerb;
import dev.nudge.cli.adapters.AdaptersProtectVerb;
import dev.nudge.cli.adapters.AdaptersPublishVerb;
import dev.nudge.cli.adapters.AdaptersPullVerb;
import dev.nudge.cli.adapters.AdaptersPushVerb;
import dev.nudge.cli.adapters.AdaptersRemoveVerb;
import dev.nudge.cli.adapters.AdaptersRollbackVerb;
import dev.nudge.cli.adapters.AdaptersShowVerb;
import dev.nudge.cli.adapters.AdaptersStateVerb;
import dev.nudge.cli.adapters.ExportVerb;
import dev.nudge.cli.adapters.MergeVerb;
import dev.nudge.cli.adapters.QuantizeVerb;
import dev.nudge.cli.adapters.ReleaseVerb;
import dev.nudge.cli.ask.ChatLines;
import dev.nudge.cli.ask.ChatVerb;
import dev.nudge.cli.ask.GenerateVerb;
import dev.nudge.cli.ask.PipedLines;
import dev.nudge.cli.ask.TerminalLines;
import dev.nudge.cli.console.CacheFolder;
import dev.nudge.cli.console.Colours;
import dev.nudge.cli.console.SearchPath;
import dev.nudge.cli.console.Terminal;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.judge.EvalVerb;
import dev.nudge.cli.judge.ScoreVerb;
import dev.nudge.cli.machine.CompletionVerb;
import dev.nudge.cli.machine.DoctorVerb;
import dev.nudge.cli.machine.InstallVerb;
import dev.nudge.cli.models.ModelsListVerb;
import dev.nudge.cli.models.ModelsPullVerb;
import dev.nudge.cli.models.ModelsRemoveVerb;
import dev.nudge.cli.models.ModelsShowVerb;
import dev.nudge.cli.models.ModelsVerifyVerb;
import dev.nudge.cli.serve.ExperimentsCreateVerb;
import dev.nudge.cli.serve.ExperimentsListVerb;
import dev.nudge.cli.serve.ExperimentsShowVerb;
import dev.nudge.cli.serve.ExperimentsStopVerb;
import dev.nudge.cli.serve.KeysAddVerb;
import dev.nudge.cli.serve.ServeVerb;
import dev.nudge.cli.train.DataFromFeedbackVerb;
import dev.nudge.cli.train.DataPreviewVerb;
import dev.nudge.cli.train.DataSplitVerb;
import dev.nudge.cli.train.DataStatsVerb;
import dev.nudge.cli.train.InitVerb;
import dev.nudge.cli.train.PlanVerb;
import dev.nudge.cli.train.QuickstartVerb;
import dev.nudge.cli.train.RunsCompareVerb;
import dev.nudge.cli.train.RunsExportVerb;
import dev.nudge.cli.train.RunsListVerb;
import dev.nudge.cli.train.RunsPlotVerb;
import dev.nudge.cli.train.RunsQueueVerb;
import dev.nudge.cli.train.RunsRemoveVerb;
import dev.nudge.cli.train.RunsShowVerb;
import dev.nudge.cli.train.SparkVerb;
import dev.nudge.cli.train.SweepVerb;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.data.DataStats;
import dev.nudge.data.DataSurvey;
import dev.nudge.data.TokenCache;
import dev.nudge.engine.RowScore;
import dev.nudge.eval.BaseLook;
import dev.nudge.eval.release.Release;
import dev.nudge.eval.release.ReleaseSettings;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.suite.Suite;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.export.Exported;
import dev.nudge.export.GgufExport;
import dev.nudge.generate.Chat;
import dev.nudge.generate.Completions;
import dev.nudge.generate.Embeddings;
import dev.nudge.generate.Scoring;
import dev.nudge.init.FreshFolder;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.quickstart.Chapter;
import dev.nudge.quickstart.Quickstart;
import dev.nudge.quickstart.QuickstartResult;
import dev.nudge.quickstart.QuickstartSettings;
import dev.nudge.registry.Named;
import dev.nudge.runs.RunStore;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.Server;
import dev.nudge.server.trials.Trials;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.ChatSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import dev.nudge.train.Prepared;
import dev.nudge.train.Preview;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Wires the verbs to the library, and describes this machine to it.
public final class Library {
  private static final DataPreviewVerb.Previewer PREVIEWER =
      new DataPreviewVerb.Previewer() {
        @Override
        public Preview preview(PreviewSettings settings, TokenCache.Watch watch) {
          return Preview.of(settings, machine(), watch);
        }

        @Override
        public @Nullable BaseLook base(PreviewSettings settings, Consumer<String> warnings) {
          Integer rows = settings.askBase();
          return rows == null ? null : BaseLook.of(settings, rows, machine(), warnings);
        }
      };

  private Library() {}

  /// Returns the resources of this machine that the process may use.
  public static Machine machine() {
    return Machine.here(CacheFolder.of(System.getenv()));
  }

  static TrainVerb.Outcome train(
      TrainSettings given, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    Machine machine = machine();
    return train(
        given,
        machine,
        (settings, told, asked) -> Training.run(settings, machine, _ -> {}, told, asked),
        events,
        cancelled);
  }

  /// @param machine machine for which a dry run is planned
  static TrainVerb.Outcome train(
      TrainSettings given,
      Machine machine,
      TrainCommand.Trains trains,
      Consumer<TrainEvent> events,
      BooleanSupplier cancelled) {
    TrainSettings settings = Named.in(given);
    if (settings.output().dryRun() && !Training.finished(settings, machine)) {
      Prepared prepared = Training.prepare(settings, machine, events);
      prepared.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
      prepared.rows().forEach(line -> events.accept(new TrainEvent.Planned(line)));
      return new TrainVerb.Outcome(RunState.FINISHED, prepared.values(), prepared.lines());
    }
    RunResult result = trains.run(settings, events, cancelled);
    // a run that was to replace another has no record if it was stopped before its first save
    Map<String, @Nullable Object> record =
        Files.exists(result.record())
            ? Training.record(result.out())
            : Map.of("id", result.id(), "state", "stopped");
    return new TrainVerb.Outcome(result.state(), record, List.of());
  }

  static Sweep.Result sweep(
      SweepSettings settings,
      Map<String, ? extends @Nullable Object> document,
      UnaryOperator<TrainSettings> names,
      Sweep.Watcher watcher,
      BooleanSupplier cancelled) {
    return Sweep.run(settings, document, machine(), names, watcher, cancelled);
  }

  static PlanVerb.Answer plan(PlanSettings settings) {
    Outlook outlook = Forecast.of(Named.in(settings), machine());
    return new PlanVerb.Answer(outlook.fits(), outlook.lines(), outlook.values());
  }

  static Outlook spark(TrainSettings settings, int ranks) {
    PlanSettings plan = PlanSettings.of(Named.in(settings)).withRanks(ranks).withProbe(false);
    return Forecast.of(plan, machine());
  }

  static Scoring.Summary score(
      ScoreSettings settings,
      Consumer<RowScore> rows,
      Consumer<String> notes,
      Consumer<String> warnings) {
    return Scoring.score(Named.in(settings), machine(), rows, notes, warnings);
  }

  static Suite.Judged evaluate(EvaluateSettings settings, Evaluation.Watcher watcher) {
    return Suite.run(Named.in(settings), machine(), watcher);
  }

  static QuantizedFolder.@Nullable Written quantize(
      QuantizeSettings settings,
      CalibratedFolder.Progress progress,
      Consumer<String> warnings,
      BooleanSupplier cancelled) {
    return settings.calibrated()
        ? CalibratedFolder.prepare(settings, machine(), warnings).write(progress, cancelled)
        : QuantizedFolder.prepare(settings, CacheFolder.of(System.getenv()))
            .write(Kernels.fastest(), cancelled);
  }

  static Release.@Nullable Outcome release(
      ReleaseSettings settings,
      Consumer<String> notes,
      Consumer<String> warnings,
      BooleanSupplier cancelled) {
    return Release.run(settings, machine(), notes, warnings, cancelled);
  }

  static FreshFolder.@Nullable Written init(InitSettings settings, BooleanSupplier cancelled) {
    return FreshFolder.prepare(settings).write(cancelled);
  }

  static @Nullable Merged merge(
      MergeSettings settings, Consumer<String> warnings, BooleanSupplier cancelled) {
    return Merging.prepare(Named.in(settings), machine(), warnings).run(cancelled);
  }

  static @Nullable Exported export(
      ExportSettings settings, Consumer<String> warnings, BooleanSupplier cancelled) {
    return GgufExport.run(Named.in(settings), machine(), warnings, cancelled);
  }

  public static Chat chat(ChatSettings settings, Consumer<String> warnings) {
    return Chat.open(Named.in(settings), machine(), warnings);
  }

  static Server serve(ServeSettings settings, Consumer<String> warnings) {
    return Server.start(settings, machine(), warnings, Trials::open);
  }

  /// Opens terminal input if standard input and output are terminals, else piped lines.
  private static ChatLines lines(Chat chat, @Nullable Path history, Runnable interrupt) {
    if (Terminal.columns() == 0 || !Terminal.isInput()) {
      return new PipedLines(System.in);
    }
    return TerminalLines.open(history, chat::adapters, interrupt);
  }

  static List<Embeddings.Row> embed(
      GenerateSettings settings, Completions.Watcher watcher, Consumer<Embeddings.Row> rows) {
    return Embeddings.of(Named.in(settings), machine(), System.in, watcher, rows);
  }

  static Completions.Done generate(GenerateSettings settings, Completions.Watcher watcher) {
    return Completions.of(Named.in(settings), machine(), System.in, watcher);
  }

  static @Nullable QuickstartResult quickstart(
      QuickstartVerb.Settings settings, Consumer<Chapter> events, BooleanSupplier cancelled) {
    Path model = settings.model() == null ? ShippedBase.folder() : settings.model();
    return Quickstart.run(
        QuickstartSettings.of(model, settings.keep()), machine(), events, cancelled);
  }

  static DataStats stats(
      DataSettings data, EvalSettings eval, @Nullable Path model, LongConsumer read) {
    return DataSurvey.of(
        data,
        eval,
        model == null ? null : Tokenizer.load(model, CacheFolder.of(System.getenv())),
        read);
  }

  static RunStore runs(List<String> roots, Consumer<String> warnings) {
    List<Path> folders = roots.isEmpty() ? List.of(Path.of("")) : paths(roots);
    return RunStore.of(folders, warnings);
  }

  private static List<Path> paths(List<String> roots) {
    try {
      return roots.stream().map(Path::of).toList();
    } catch (InvalidPathException e) {
      throw new InputException("--runs is '" + e.getInput() + "'; it must be a path", e);
    }
  }

  /// Returns all verbs.
  public static List<Verb<?>> verbs() {
    return List.of(
        new QuickstartVerb(Library::quickstart),
        new TrainVerb(
            Library::train,
            SearchPath.of(System.getenv()).nudge(System.getProperty("nudge.launcher"))),
        new SweepVerb(Library::sweep),
        new GenerateVerb(Library::generate, Library::embed),
        new ChatVerb(
            Library::chat, Library::lines, CacheFolder.of(System.getenv()).resolve("chat-history")),
        new ServeVerb(Library::serve),
        new KeysAddVerb(),
        new ScoreVerb(Library::score),
        new EvalVerb(Library::evaluate),
        new PlanVerb(Library::plan),
        new SparkVerb(Library::spark),
        new DataStatsVerb(Library::stats),
        new DataPreviewVerb(PREVIEWER, Colours::standard),
        new DataSplitVerb(),
        new DataFromFeedbackVerb(),
        new MergeVerb(Library::merge),
        new QuantizeVerb(Library::quantize),
        new ReleaseVerb(Library::release),
        new ExportVerb(Library::export),
        new InitVerb(Library::init),
        new RunsListVerb(Library::runs),
        new RunsShowVerb(Library::runs),
        new RunsCompareVerb(Library::runs),
        new RunsPlotVerb(Library::runs),
        new RunsExportVerb(Library::runs),
        new RunsRemoveVerb(Library::runs),
        new RunsQueueVerb(Library::machine),
        new AdaptersPushVerb(),
        new AdaptersListVerb(),
        new AdaptersShowVerb(),
        new AdaptersAliasVerb(),
        new AdaptersRollbackVerb(),
        new AdaptersProtectVerb(),
        new AdaptersStateVerb(),
        new AdaptersLogVerb(),
        new AdaptersInspectVerb(),
        new AdaptersDiffVerb(),
        new AdaptersCombineVerb(),
        new AdaptersExportVerb(),
        new AdaptersRemoveVerb(),
        new AdaptersCollectVerb(),
        new AdaptersPullVerb(),
        new AdaptersPublishVerb(),
        new ModelsListVerb(),
        new ModelsPullVerb(),
        new ModelsShowVerb(Library::machine),
        new ModelsVerifyVerb(),
        new ModelsRemoveVerb(),
        new ExperimentsCreateVerb(),
        new ExperimentsListVerb(),
        new ExperimentsShowVerb(),
        new ExperimentsStopVerb(),
        new DoctorVerb(),
        new InstallVerb(System.getenv(), System.getProperty("nudge.launcher")),
        new CompletionVerb(Library::verbs));
  }
}
