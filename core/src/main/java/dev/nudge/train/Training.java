package dev.nudge.train;

import dev.nudge.format.Claim;
import dev.nudge.format.OutFolder;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Fine-tunes: [#prepare] checks everything that can be wrong before anything starts, [#run] does
/// it.
public final class Training {
  private Training() {}

  /// Tells whether the run of these settings is already finished in its folder.
  ///
  /// @throws dev.nudge.settings.InputException where its folder holds something else
  public static boolean finished(TrainSettings settings) {
    Path model = settings.model().model();
    OutFolder.mend(model);
    return RunFolder.check(
        Files.exists(model.resolve("config.json"))
            ? Preparation.resolved(
                settings, Quantization.resolve(settings.model(), ModelConfig.load(model)))
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
        Preparation.of(settings, machine, Objective.SUPERVISED, event -> {});
      }
      throw inTheWay;
    }
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
    return prepare(wanted, machine, events, Objective.SUPERVISED);
  }

  /// The same for a run by any objective; one that goes on has to be given its own again.
  public static Prepared prepare(
      TrainSettings wanted, Machine machine, Consumer<TrainEvent> events, Objective objective) {
    Prepared prepared = Preparation.of(wanted, machine, objective, events);
    RunRoom.check(prepared);
    return prepared;
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
      return RunRecord.result(out);
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
    return RunRecord.record(out);
  }

  /// The settings that were given for the run in a folder, by key, for one that goes on with it.
  ///
  /// @throws InputException where there is none
  public static Map<String, @Nullable Object> given(Path out) {
    return RunRecord.given(out);
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
