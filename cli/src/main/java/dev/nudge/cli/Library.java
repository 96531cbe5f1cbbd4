package dev.nudge.cli;

import dev.nudge.data.Prompts;
import dev.nudge.eval.Scoring;
import dev.nudge.generate.Completion;
import dev.nudge.generate.Generation;
import dev.nudge.generate.Session;
import dev.nudge.init.FreshFolder;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Difference;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Nf4Folder;
import dev.nudge.quickstart.Chapter;
import dev.nudge.quickstart.Quickstart;
import dev.nudge.quickstart.Report;
import dev.nudge.quickstart.Wanted;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.GenerateSettings;
import dev.nudge.settings.InitSettings;
import dev.nudge.settings.MergeSettings;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.PlanSettings;
import dev.nudge.settings.QuantizeSettings;
import dev.nudge.settings.ScoreSettings;
import dev.nudge.settings.TrainSettings;
import dev.nudge.text.Tokenizer;
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
      return new TrainVerb.Outcome(RunState.FINISHED, prepared.values(), prepared.lines());
    }
    RunResult result = Training.run(settings, machine(), events, cancelled);
    return new TrainVerb.Outcome(result.state(), result.values(), List.of());
  }

  static PlanVerb.Answer plan(PlanSettings settings) {
    Outlook outlook = Forecast.of(settings, machine());
    return new PlanVerb.Answer(outlook.lines(), outlook.values());
  }

  static ScoreVerb.Summary score(
      ScoreSettings settings, Consumer<ScoreVerb.Row> rows, Consumer<String> warnings) {
    Scoring.Summary all =
        Scoring.score(
            settings,
            machine(),
            r -> rows.accept(new ScoreVerb.Row(r.index(), r.tokens(), r.logprob(), r.greedy())),
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
            (System.nanoTime() - start) / 1e9);
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
    public GenerateVerb.Row prompt(
        GenerateSettings settings, Consumer<String> pieces, Consumer<String> warnings) {
      Machine machine = machine();
      try (Session session =
          Session.load(settings.model(), settings.adapter(), machine, warnings)) {
        Generation generation =
            new Generation(session, settings.sampling(), threads(settings.model(), machine));
        String prompt = java.util.Objects.requireNonNull(settings.prompt());
        return row(generation.complete(prompt, pieces), 0);
      }
    }

    @Override
    public void rows(
        GenerateSettings settings, Consumer<GenerateVerb.Row> rows, Consumer<String> warnings) {
      Machine machine = machine();
      DataSettings data = java.util.Objects.requireNonNull(settings.rows());
      Path model = settings.model().model();
      int maxLength = Session.maxLength(settings.model(), ModelConfig.load(model));
      Tokenizer tokenizer = Tokenizer.load(model, machine.cache());
      List<Prompts.Prompt> prompts = good(Prompts.load(data, maxLength, tokenizer), warnings);
      try (Session session =
          Session.load(settings.model(), settings.adapter(), tokenizer, machine, warnings)) {
        int threads = threads(settings.model(), machine);
        Integer lanes = settings.model().lanes();
        new Generation(session, settings.sampling(), threads)
            .complete(
                prompts.stream().map(Prompts.Prompt::text).toList(),
                lanes == null ? threads : lanes,
                (completion, i) -> rows.accept(row(completion, prompts.get(i).index())));
      }
    }

    private static List<Prompts.Prompt> good(Prompts all, Consumer<String> warnings) {
      int bad = all.badRows();
      if (bad > 0) {
        warnings.accept(
            (bad == 1 ? "1 bad row is" : bad + " bad rows are")
                + " set aside, the first: "
                + all.firstBadRows().getFirst());
      }
      return all.prompts();
    }

    private static GenerateVerb.Row row(Completion c, long index) {
      return new GenerateVerb.Row(
          index, c.text(), c.tokens(), c.stop().name().toLowerCase(Locale.ROOT));
    }

    private static int threads(ModelSettings settings, Machine machine) {
      Integer given = settings.threads();
      return given == null ? machine.threads() : given;
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
