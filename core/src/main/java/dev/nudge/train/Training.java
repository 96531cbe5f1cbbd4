package dev.nudge.train;

import dev.nudge.data.Splits;
import dev.nudge.format.Claim;
import dev.nudge.format.FolderText;
import dev.nudge.format.GgufFile;
import dev.nudge.format.OutFolder;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.EventCommand;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.objective.Objective;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Entry point of fine-tuning: [#prepare] checks everything before the start, [#run] trains.
public final class Training {
  private Training() {}

  /// Tells whether the run with these settings is already finished in its folder.
  ///
  /// @throws dev.nudge.settings.InputException if its folder holds something else
  public static boolean finished(TrainSettings settings) {
    Path model = settings.model().model();
    OutFolder.mend(model);
    if (!FolderText.exists(model.resolve("config.json")) && !GgufFile.is(model)) {
      return RunFolder.check(settings);
    }
    ModelConfig config = ModelConfig.load(model);
    return RunFolder.check(
        Preparation.resolved(settings, Quantization.resolve(settings.model(), config), config));
  }

  /// Like [#finished(TrainSettings)], but reports errors of model or rows before those of the
  /// folder, which a user would otherwise fix first.
  ///
  /// @throws dev.nudge.settings.InputException for errors of model, rows or folder
  public static boolean finished(TrainSettings settings, Machine machine) {
    try {
      return finished(settings);
    } catch (InputException inTheWay) {
      if (!Claim.isHeld(settings.output().out())) { // a live run also holds the memory
        Preparation.of(settings, machine, null, event -> {});
      }
      throw inTheWay;
    }
  }

  /// Reads config, file headers, tokenizer and data, checks all settings and plans the run.
  ///
  /// @throws dev.nudge.settings.InputException in one line, for user errors
  public static Prepared prepare(TrainSettings wanted, Machine machine) {
    return prepare(wanted, machine, event -> {});
  }

  /// Prepares a run and reports progress.
  ///
  /// @param events receives the progress of tokenisation
  public static Prepared prepare(
      TrainSettings wanted, Machine machine, Consumer<TrainEvent> events) {
    return checked(Preparation.of(wanted, machine, null, events));
  }

  /// Prepares a run with any objective, whose name is in `run.json`; a resumed run must be given
  /// its objective again.
  public static Prepared prepare(
      TrainSettings wanted, Machine machine, Consumer<TrainEvent> events, Objective objective) {
    return checked(Preparation.of(wanted, machine, objective, events));
  }

  /// Caches inputs of several preparations: tokenizers, and rows with the same read settings.
  public static final class SharedInputs {
    private final Map<List<@Nullable Object>, NewParts.Tokens> tokens = new HashMap<>();
    private final Map<List<@Nullable Object>, Splits> splits = new HashMap<>();

    NewParts.Tokens tokens(List<@Nullable Object> settings, Supplier<NewParts.Tokens> read) {
      return tokens.computeIfAbsent(settings, _ -> read.get());
    }

    Splits splits(List<@Nullable Object> settings, Supplier<Splits> read) {
      return splits.computeIfAbsent(settings, _ -> read.get());
    }
  }

  /// Prepares one of several runs.
  public static Prepared prepare(TrainSettings wanted, Machine machine, SharedInputs shared) {
    return checked(Preparation.of(wanted, machine, null, event -> {}, shared));
  }

  /// Computes a share of a run as one of its ranks other than 0 ([Machine#among]), until rank 0
  /// ends the run. Reads the model; the rows come from rank 0, and nothing is written.
  ///
  /// @param settings of the run
  /// @throws InputException if the model differs from that of rank 0
  /// @throws dev.nudge.settings.RunException if a rank is lost
  public static void follow(TrainSettings settings, Machine machine) {
    if (machine.peers().rank() == 0) {
      throw new IllegalArgumentException("rank 0 leads");
    }
    try (WarmUp warmUp = WarmUp.startOnce(settings, machine)) { // while rank 0 reads the rows
      new Follower(settings, machine).run(warmUp::close);
      warmUp.join();
    }
  }

  private static Prepared checked(Prepared prepared) {
    RunRoom.check(prepared);
    return prepared;
  }

  /// Prepares and runs, as the `train` command does: a run that is already finished in its folder
  /// is not repeated, and kernels are warmed up while files are read.
  ///
  /// @param ready receives the prepared run, before its first event; not called for a finished run
  /// @param events listener, called on this thread, in order
  /// @param cancelled asked between steps; once true, the adapter is saved as it is. An interrupt
  ///     of this thread does the same
  /// @throws InputException in one line, for user errors; nothing is written then
  /// @throws dev.nudge.settings.RunException if the run fails
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
      return RunRecord.result(out);
    }
    try (WarmUp warmUp = WarmUp.startOnce(settings, machine)) {
      Prepared prepared = prepare(settings, machine, events);
      Reservations.Reservation taken = prepared.reserve(prepared.plan());
      while (taken == null) { // another run was planned meanwhile
        prepared = prepare(settings, prepared.machine().again(), events);
        taken = prepared.reserve(prepared.plan());
      }
      try (Reservations.Reservation _ = taken) {
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
        warmUp.join(); // it ended at the first step and frees its memory
        return result;
      }
    }
  }

  /// The contents of a run folder's `run.json`, as plain values.
  ///
  /// @throws InputException if the file cannot be read
  public static Map<String, @Nullable Object> record(Path out) {
    return RunRecord.record(out);
  }

  /// Adds a key to the `run.json` of a run that has ended.
  ///
  /// @throws InputException if the file cannot be read
  public static void note(Path out, String key, Object value) {
    RunRecord.note(out, key, value);
  }

  /// The settings given for the run in a folder, by key, for resuming it.
  ///
  /// @throws InputException if there is no run
  public static Map<String, @Nullable Object> given(Path out) {
    return RunRecord.given(out);
  }

  /// Whether a setting may differ when a run resumes, such as `memory`.
  ///
  /// @param key as in a file of settings
  public static boolean mayDiffer(String key) {
    return RunRecord.FREE.contains(key);
  }

  /// Deletes a killed process's partial checkpoint in a run's folder.
  public static void clearLeft(Path out) {
    RunCheckpoints.clearLeft(out);
  }

  /// The names of all files that a run may write into its folder: what `--overwrite` may delete.
  public static List<String> written(Path out) {
    return RunFolder.names(out);
  }

  /// Runs a prepared run.
  ///
  /// @throws dev.nudge.settings.RunException if the run fails
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
    boolean[] failed = {false};
    Consumer<TrainEvent> told =
        event -> {
          step[0] = event instanceof TrainEvent.Step made ? made.step() : step[0];
          failed[0] |= event instanceof TrainEvent.Failed;
          events.accept(event);
        };
    try (Run run = new Run(prepared, told, System::nanoTime)) {
      return run.go(cancelled);
    } catch (RuntimeException | Error e) {
      try {
        if (!failed[0]) { // before the run began, or when it ended
          events.accept(TrainEvent.Failed.of(step[0], e));
        }
      } catch (RuntimeException | Error listener) {
        e.addSuppressed(listener); // it may have failed
      }
      throw e;
    }
  }
}
