package dev.nudge;

import static java.util.Objects.requireNonNull;

import dev.nudge.calibrate.CalibratedFolder;
import dev.nudge.engine.RowScore;
import dev.nudge.export.Exported;
import dev.nudge.export.GgufExport;
import dev.nudge.generate.Completions;
import dev.nudge.generate.Scoring;
import dev.nudge.generate.Session;
import dev.nudge.init.FreshFolder;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.registry.Named;
import dev.nudge.registry.Registry;
import dev.nudge.runs.RunStore;
import dev.nudge.settings.JavaNames;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Warnings;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import dev.nudge.train.Preview;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Runs the commands of the CLI from Java: fine-tune, score, generate, merge, quantize, export.
///
///     Nudge nudge = Nudge.here(System.err::println);
///     nudge.train(TrainSettings.of(model, rows, adapter).withEpochs(3), event -> {});
///
/// Evaluation is a jar of its own, `nudge-eval`: `Suite.evaluate`.
///
/// It computes nothing: each method passes the machine and the listener for warnings to its
/// command. Every method throws [dev.nudge.settings.InputException] for input that a user can fix,
/// before anything is written, and [RunException] for a later failure; their messages name withers.
///
/// Threading: any thread. Each call plans with all memory and threads of the machine; if two run
/// at once, give each its part by `withMemory` and `withThreads`.
public final class Nudge {
  private final Supplier<Machine> machine;
  private final Consumer<String> warnings;

  private Nudge(Supplier<Machine> machine, Consumer<String> warnings) {
    this.machine = machine;
    this.warnings = warnings;
  }

  /// Makes a `Nudge` that uses all that is free on this machine when a method is called. Warnings
  /// are logged ([Warnings]).
  public static Nudge here() {
    return here(Warnings.logged());
  }

  /// Makes a `Nudge` that uses all that is free on this machine when a method is called.
  ///
  /// @param warnings listener, one line each; a missing JVM flag is a warning too
  public static Nudge here(Consumer<String> warnings) {
    return new Nudge(Machine::here, warnings);
  }

  /// Makes a `Nudge` that uses the given machine. Warnings are logged ([Warnings]).
  public static Nudge on(Machine machine) {
    return on(machine, Warnings.logged());
  }

  /// Makes a `Nudge` that uses the given machine.
  ///
  /// @param warnings listener, one line each
  public static Nudge on(Machine machine, Consumer<String> warnings) {
    return new Nudge(() -> machine, warnings);
  }

  /// Fine-tunes a model and saves the result into `settings.output().out()`.
  ///
  /// @param events listener, called on this thread, in order ([TrainEvent] lists the events);
  ///     warnings are events too
  public RunResult train(TrainSettings settings, Consumer<TrainEvent> events) {
    return train(settings, events, () -> false);
  }

  /// Fine-tunes a model until the end or until it is cancelled; saves the result in both cases.
  ///
  /// @param events listener, called on this thread, in order; warnings are events too
  /// @param cancelled polled between steps: true cancels the run, as an interrupt of this thread
  ///     does
  public RunResult train(
      TrainSettings settings, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    return javaNamed(
        settings,
        () ->
            Training.run(
                Named.in(settings),
                machine.get(),
                prepared -> {},
                event -> {
                  if (event instanceof TrainEvent.Warning warning) {
                    warnings.accept(warning.line());
                  } else if (event instanceof TrainEvent.Diverged sign) {
                    warnings.accept(sign.line());
                  }
                  events.accept(event);
                },
                cancelled));
  }

  /// Estimates the memory, time and cost of a training run.
  public Outlook plan(PlanSettings settings) {
    return javaNamed(settings, () -> Forecast.of(Named.in(settings), machine.get()));
  }

  /// Previews training rows as the model will see them: the first rows, and counts of all rows.
  public Preview preview(PreviewSettings settings) {
    return javaNamed(settings, () -> Preview.of(settings, machine.get()));
  }

  /// Finds the runs in these folders, to list, open, compare and export them.
  public RunStore runs(List<Path> folders) {
    return RunStore.of(folders, warnings);
  }

  /// Opens a registry of adapters, to push, alias and resolve versions; the first push creates it.
  ///
  /// Settings accept a version for a path: `settings.withAdapter(Path.of("support@champion"))`,
  /// with `withRegistry` if the registry is not [Registry#home].
  public Registry registry(Path folder) {
    return Registry.open(folder);
  }

  /// Computes the log-likelihood of each row's completion.
  public Scoring.Summary score(ScoreSettings settings) {
    return score(settings, row -> {});
  }

  /// Computes the log-likelihood of each row's completion, and reports row by row.
  ///
  /// @param rows listener, called in order
  public Scoring.Summary score(ScoreSettings settings, Consumer<RowScore> rows) {
    return javaNamed(
        settings, () -> Scoring.score(Named.in(settings), machine.get(), rows, warnings));
  }

  /// Generates a completion of one prompt, or of each row's prompt; loads the model and frees it.
  /// For many requests to one model, [#open] it once.
  ///
  /// @return a completion for each valid row in order, or the one of the prompt
  public List<Completions.Row> generate(GenerateSettings settings) {
    return generate(settings, row -> {});
  }

  /// Generates a completion of one prompt, or of each row's prompt.
  ///
  /// @param rows listener, called in order, each row as soon as it is complete
  /// @return all rows
  public List<Completions.Row> generate(GenerateSettings settings, Consumer<Completions.Row> rows) {
    Completions.Watcher watcher =
        new Completions.Watcher() {
          @Override
          public void row(Completions.Row row) {
            rows.accept(row);
          }

          @Override
          public void warn(String line) {
            warnings.accept(line);
          }
        };
    return javaNamed(
        settings, () -> Completions.of(Named.in(settings), machine.get(), null, watcher).rows());
  }

  /// Merges adapters into a standalone model folder, and compares its logits with base + adapters.
  ///
  /// @throws RunException if their mean KL is above the tolerance; nothing is left in
  ///     `settings.out()` then
  public Merged merge(MergeSettings settings) {
    Merged merged =
        javaNamed(
            settings,
            () -> Merging.prepare(Named.in(settings), machine.get(), warnings).run(() -> false));
    if (!merged.accepted()) {
      throw new RunException(
          "the merged weights are %s nats a token (mean KL) from base + adapter on the probe text, above the tolerance of %s, so %s is not written"
              .formatted(merged.difference().kl(), merged.tolerance(), merged.out()));
    }
    return merged;
  }

  /// Quantises a model folder to four or eight bits.
  public QuantizedFolder.Written quantize(QuantizeSettings settings) {
    return javaNamed(
        settings,
        () ->
            settings.calibrated()
                ? CalibratedFolder.prepare(settings, machine.get(), warnings)
                    .write((_, _, _) -> {}, () -> false)
                : QuantizedFolder.prepare(settings, machine.get().cache())
                    .write(Kernels.fastest(), () -> false));
  }

  /// Exports a model, with an adapter merged into it or alone, as a file for llama.cpp and Ollama.
  public Exported export(ExportSettings settings) {
    return javaNamed(
        settings, () -> GgufExport.run(Named.in(settings), machine.get(), warnings, () -> false));
  }

  /// Writes a model folder with random weights.
  public FreshFolder.Written init(InitSettings settings) {
    return javaNamed(settings, () -> FreshFolder.prepare(settings).write(() -> false));
  }

  /// Loads a model for generation.
  public Session open(Path model) {
    return open(ModelSettings.of(model), null);
  }

  /// Loads a model with an adapter.
  ///
  /// @param adapter a PEFT folder or a run's folder
  public Session open(Path model, Path adapter) {
    return open(ModelSettings.of(model), adapter);
  }

  /// Loads a model as the settings say, with an adapter or without.
  ///
  /// @param adapter a PEFT folder or a run's folder; null: the base model
  public Session open(ModelSettings settings, @Nullable Path adapter) {
    return javaNamed(
        settings,
        () ->
            Session.load(
                settings,
                adapter == null ? null : Named.folder(adapter, null),
                machine.get(),
                warnings));
  }

  /// Runs a command that is not cancelled; its errors name the withers of its settings.
  private static <T> T javaNamed(Record settings, Supplier<@Nullable T> command) {
    return requireNonNull(JavaNames.in(List.of(settings.getClass()), command));
  }
}
