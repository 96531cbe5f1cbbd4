package dev.nudge.cli;

import dev.nudge.eval.Scoring;
import dev.nudge.generate.Completion;
import dev.nudge.generate.Completions;
import dev.nudge.init.FreshFolder;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Difference;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.model.Nf4Folder;
import dev.nudge.quickstart.Chapter;
import dev.nudge.quickstart.Quickstart;
import dev.nudge.quickstart.Report;
import dev.nudge.quickstart.Wanted;
import dev.nudge.settings.GenerateSettings;
import dev.nudge.settings.InitSettings;
import dev.nudge.settings.MergeSettings;
import dev.nudge.settings.PlanSettings;
import dev.nudge.settings.QuantizeSettings;
import dev.nudge.settings.ScoreSettings;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import dev.nudge.train.Prepared;
import dev.nudge.train.RunResult;
import dev.nudge.train.RunState;
import dev.nudge.train.TrainEvent;
import dev.nudge.train.Training;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Connects the verbs with the library, and tells the library what the machine has.
final class Library {
  private Library() {}

  /// Returns what this process may use of the machine.
  static Machine machine() {
    return Machine.here(CacheFolder.of(System.getenv()));
  }

  static TrainVerb.Outcome train(
      TrainSettings settings, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    if (settings.output().dryRun() && !Training.finished(settings)) {
      Prepared prepared = Training.prepare(settings, machine());
      prepared.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
      prepared.rows().forEach(line -> events.accept(new TrainEvent.Planned(line)));
      return new TrainVerb.Outcome(RunState.FINISHED, prepared.values(), prepared.lines());
    }
    RunResult result = Training.run(settings, machine(), events, cancelled);
    return new TrainVerb.Outcome(result.state(), Training.record(result.out()), List.of());
  }

  static PlanVerb.Answer plan(PlanSettings settings) {
    Outlook outlook = Forecast.of(settings, machine());
    return new PlanVerb.Answer(outlook.lines(), outlook.values());
  }

  static ScoreVerb.Summary score(
      ScoreSettings settings,
      Consumer<ScoreVerb.Row> rows,
      Consumer<String> notes,
      Consumer<String> warnings) {
    Scoring.Summary all =
        Scoring.score(
            settings,
            machine(),
            r -> rows.accept(new ScoreVerb.Row(r.index(), r.tokens(), r.logprob(), r.greedy())),
            notes,
            warnings);
    return new ScoreVerb.Summary(
        all.rows(), all.badRows(), all.tokens(), all.logprob(), all.loss(), all.greedy());
  }

  static QuantizeVerb.@Nullable Summary quantize(
      QuantizeSettings settings, BooleanSupplier cancelled) {
    Nf4Folder.Written w =
        Nf4Folder.prepare(settings, CacheFolder.of(System.getenv()))
            .write(Kernels.fastest(), cancelled);
    return w == null
        ? null
        : new QuantizeVerb.Summary(
            w.out().toString(), w.layers(), w.sourceBytes(), w.bytes(), w.seconds());
  }

  static InitVerb.@Nullable Summary init(InitSettings settings, BooleanSupplier cancelled) {
    long start = System.nanoTime();
    FreshFolder.Written w = FreshFolder.prepare(settings).write(cancelled);
    return w == null
        ? null
        : new InitVerb.Summary(
            w.out().toString(),
            w.parameters(),
            w.bytes(),
            w.vocabulary(),
            w.merges(),
            seconds(start));
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  static MergeVerb.@Nullable Summary merge(
      MergeSettings settings, Consumer<String> warnings, BooleanSupplier cancelled) {
    Merged m = Merging.prepare(settings, machine(), warnings).run(cancelled);
    if (m == null) {
      return null;
    }
    Difference d = m.difference();
    return new MergeVerb.Summary(
        m.accepted(),
        m.out().toString(),
        m.adapters().stream()
            .map(a -> new MergeVerb.Part(a.adapter().toString(), a.scale()))
            .toList(),
        m.layers(),
        m.bytes(),
        d.tokens(),
        d.maxLogit(),
        d.meanLogit(),
        d.kl(),
        d.perplexity(),
        d.otherPerplexity(),
        m.tolerance(),
        m.seconds());
  }

  /// Completes prompts.
  static final class Completer implements GenerateVerb.Completer {
    @Override
    public GenerateVerb.Answer prompt(
        GenerateSettings settings, Consumer<String> pieces, Consumer<String> warnings) {
      Completions.Done done =
          Completions.of(
              settings, machine(), null, watcher(row -> {}, pieces, note -> {}, warnings));
      return new GenerateVerb.Answer(row(done.rows().getFirst()), done.seconds());
    }

    @Override
    public double rows(
        GenerateSettings settings,
        Consumer<GenerateVerb.Row> rows,
        Consumer<String> notes,
        Consumer<String> warnings) {
      return Completions.of(
              settings, machine(), System.in, watcher(rows, piece -> {}, notes, warnings))
          .seconds();
    }

    private static Completions.Watcher watcher(
        Consumer<GenerateVerb.Row> rows,
        Consumer<String> pieces,
        Consumer<String> notes,
        Consumer<String> warnings) {
      return new Completions.Watcher() {
        @Override
        public void row(Completions.Row row) {
          rows.accept(Completer.row(row));
        }

        @Override
        public void piece(String piece) {
          pieces.accept(piece);
        }

        @Override
        public void note(String line) {
          notes.accept(line);
        }

        @Override
        public void warn(String line) {
          warnings.accept(line);
        }
      };
    }

    private static GenerateVerb.Row row(Completions.Row row) {
      Completion c = row.completion();
      return new GenerateVerb.Row(
          row.index(), c.text(), c.tokens(), c.stop().name().toLowerCase(Locale.ROOT));
    }
  }

  static @Nullable Report quickstart(
      QuickstartVerb.Settings settings, Consumer<Chapter> told, BooleanSupplier cancelled) {
    Path model = settings.model() == null ? ShippedBase.folder() : settings.model();
    return Quickstart.run(Wanted.of(model, settings.keep()), machine(), told, cancelled);
  }

  /// The verbs that the library answers.
  static List<Verb<?>> verbs() {
    return List.of(
        new QuickstartVerb(Library::quickstart),
        new TrainVerb(Library::train),
        new GenerateVerb(new Completer()),
        new ScoreVerb(Library::score),
        new PlanVerb(Library::plan),
        new MergeVerb(Library::merge),
        new QuantizeVerb(Library::quantize),
        new InitVerb(Library::init),
        new DoctorVerb(),
        new InstallVerb(System.getenv(), System.getProperty("nudge.launcher")),
        new CompletionVerb(Library::verbs));
  }
}
