package dev.nudge;

import static java.util.Objects.requireNonNull;

import dev.nudge.engine.RowScore;
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
import dev.nudge.settings.GenerateSettings;
import dev.nudge.settings.InitSettings;
import dev.nudge.settings.MergeSettings;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.PlanSettings;
import dev.nudge.settings.PreviewSettings;
import dev.nudge.settings.QuantizeSettings;
import dev.nudge.settings.RunException;
import dev.nudge.settings.ScoreSettings;
import dev.nudge.settings.TrainSettings;
import dev.nudge.settings.Warnings;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import dev.nudge.train.Preview;
import dev.nudge.train.RunResult;
import dev.nudge.train.TrainEvent;
import dev.nudge.train.Training;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Gives the verbs of the command to Java code: fine-tune, score, merge, answer.
///
///     Nudge nudge = Nudge.here(System.err::println);
///     nudge.train(TrainSettings.of(model, rows, adapter).withEpochs(3), event -> {});
///
/// Evaluation is a jar of its own, `nudge-eval`, with `Suite.evaluate`.
///
/// It computes nothing: each method is the library's own entry for its verb, told what the machine
/// has and where warnings go. Every method throws [dev.nudge.settings.InputException] for what a
/// user can mend, before anything is written, and [RunException] for what fails later.
///
/// Threading: any thread. Two verbs at once each believe that the machine is theirs; share it by
/// `withMemory` and `withThreads`.
public final class Nudge {
  private final Supplier<Machine> machine;
  private final Consumer<String> warnings;

  private Nudge(Supplier<Machine> machine, Consumer<String> warnings) {
    this.machine = machine;
    this.warnings = warnings;
  }

  /// Makes a `Nudge` that uses all of this machine that is free when a verb begins. Warnings are
  /// logged ([Warnings]).
  public static Nudge here() {
    return here(Warnings.logged());
  }

  /// Makes a `Nudge` that uses all of this machine that is free when a verb begins.
  ///
  /// @param warnings told one line each, among them the flags that the JVM was started without
  public static Nudge here(Consumer<String> warnings) {
    return new Nudge(Machine::here, warnings);
  }

  /// Makes a `Nudge` that uses the given machine. Warnings are logged ([Warnings]).
  public static Nudge on(Machine machine) {
    return on(machine, Warnings.logged());
  }

  /// Makes a `Nudge` that uses the given machine.
  ///
  /// @param warnings told one line each
  public static Nudge on(Machine machine, Consumer<String> warnings) {
    return new Nudge(() -> machine, warnings);
  }

  /// Fine-tunes a model and saves the result into `settings.output().out()`.
  ///
  /// @param events told from this thread, in order ([TrainEvent] lists them); warnings are among
  ///     them
  public RunResult train(TrainSettings settings, Consumer<TrainEvent> events) {
    return train(settings, events, () -> false);
  }

  /// Fine-tunes a model until the end or until it is cancelled; both save.
  ///
  /// @param events told from this thread, in order; warnings are among them
  /// @param cancelled asked between steps, so that another thread can set what it reads; an
  ///     interrupt of this thread does the same
  public RunResult train(
      TrainSettings settings, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    return Training.run(
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
        cancelled);
  }

  /// Says what a run needs: bytes, time and cost.
  public Outlook plan(PlanSettings settings) {
    return Forecast.of(Named.in(settings), machine.get());
  }

  /// Says what a model will see of rows: the first of them, and counts of all.
  public Preview preview(PreviewSettings settings) {
    return Preview.of(settings, machine.get());
  }

  /// Finds the runs under folders, to list, open, compare and export them.
  public RunStore runs(List<Path> folders) {
    return RunStore.of(folders, machine.get().cache(), warnings);
  }

  /// Opens a registry of adapters, to push, alias and resolve versions; the first push makes it.
  ///
  /// Settings name its versions too: `settings.withAdapter(Path.of("support@champion"))`, with
  /// `withRegistry` where it is not [Registry#home].
  public Registry registry(Path folder) {
    return Registry.open(folder);
  }

  /// Scores the completions of rows.
  public Scoring.Summary score(ScoreSettings settings) {
    return score(settings, row -> {});
  }

  /// Scores the completions of rows, and tells each row's score.
  ///
  /// @param rows told in order
  public Scoring.Summary score(ScoreSettings settings, Consumer<RowScore> rows) {
    return Scoring.score(Named.in(settings), machine.get(), rows, warnings);
  }

  /// Completes a prompt, or the prompts of rows; the model is loaded for it and freed again. Where
  /// many callers ask one model, [#open] it.
  ///
  /// @return a completion for each good row in order, or the one of the prompt
  public List<Completions.Row> generate(GenerateSettings settings) {
    return generate(settings, row -> {});
  }

  /// Completes a prompt, or the prompts of rows.
  ///
  /// @param rows told in order, each when it is done
  /// @return all of them
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
    return Completions.of(Named.in(settings), machine.get(), null, watcher).rows();
  }

  /// Merges adapters into a model folder that stands for itself, and checks it.
  ///
  /// @throws RunException where it is further from base + adapters than the tolerance; nothing is
  ///     left in `settings.out()` then
  public Merged merge(MergeSettings settings) {
    Merged merged =
        Objects.requireNonNull(
            Merging.prepare(Named.in(settings), machine.get(), warnings).run(() -> false));
    if (!merged.accepted()) {
      throw new RunException(
          "the merged weights are %s nats a token (mean KL) from base + adapter on the probe text, above the tolerance of %s, so %s is not written"
              .formatted(merged.difference().kl(), merged.tolerance(), merged.out()));
    }
    return merged;
  }

  /// Writes a model folder in four bits.
  public QuantizedFolder.Written quantize(QuantizeSettings settings) {
    return Objects.requireNonNull(
        QuantizedFolder.prepare(settings, machine.get().cache())
            .write(Kernels.fastest(), () -> false));
  }

  /// Writes a model folder with random weights.
  public FreshFolder.Written init(InitSettings settings) {
    return requireNonNull(FreshFolder.prepare(settings).write(() -> false));
  }

  /// Loads a model that answers.
  public Session open(Path model) {
    return open(ModelSettings.of(model), null);
  }

  /// Loads a model with an adapter.
  ///
  /// @param adapter a PEFT folder or a run's folder
  public Session open(Path model, Path adapter) {
    return open(ModelSettings.of(model), adapter);
  }

  /// Loads a model, held as the settings say.
  ///
  /// @param adapter a PEFT folder or a run's folder; null: the base model
  public Session open(ModelSettings settings, @Nullable Path adapter) {
    return Session.load(
        settings, adapter == null ? null : Named.folder(adapter, null), machine.get(), warnings);
  }
}
