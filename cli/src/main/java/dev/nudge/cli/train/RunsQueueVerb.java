package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Failure;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.RunFile;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Named;
import dev.nudge.runs.RunQueue;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `nudge runs queue`: trains the runs of YAML files, in sequence or in parallel.
///
/// @param machine resources for the runs
public record RunsQueueVerb(Supplier<Machine> machine) implements Verb<RunsQueueVerb.Settings> {

  /// The flags of `nudge runs queue`.
  ///
  /// @param memory memory of all runs; null: the free memory
  /// @param threads threads of all runs; null: all
  record Settings(
      @Setting(
              help = "YAML files of runs, as train takes with --config, in order",
              label = "FILE",
              operand = true,
              required = true)
          List<String> run,
      @Setting(
              help = "most memory for all runs together, such as 8G (default: what is free now)",
              label = "SIZE")
          @Nullable ByteSize memory,
      @Setting(help = "most threads for all runs together (default: all)")
          @Nullable Integer threads) {

    Settings {
      if (threads != null && threads < 1) {
        throw new InputException("--threads is " + threads + "; it must be at least 1");
      }
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "runs queue", "makes the runs of several files, as many at a time as fit", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Machine here = machine.get();
    ByteSize memory = settings.memory();
    Integer threads = settings.threads();
    Machine budget =
        new Machine(
            threads == null ? here.threads() : threads,
            memory == null ? here.memoryBytes() : memory.bytes(),
            here.cache(),
            here.name(),
            here.others());
    List<RunQueue.Entry> entries = new ArrayList<>();
    HubNames names = HubNames.of(console);
    for (String file : settings.run()) {
      entries.add(new RunQueue.Entry(file, read(file, names)));
    }
    List<RunQueue.Outcome> outcomes;
    int code;
    try (Signals signals =
        Signals.catching(() -> console.note("stopping after these steps; again to stop at once"))) {
      outcomes = new RunQueue(budget, new QueueLines(console)).run(entries, signals::stopped);
      code = signals.stopped() ? signals.exitCode() : ExitCode.DONE;
    }
    console.object(Map.of("runs", outcomes.stream().map(RunsQueueVerb::values).toList()));
    long failed = outcomes.stream().filter(o -> o.state() != RunState.FINISHED).count();
    if (code == ExitCode.DONE && failed > 0) {
      console.refuse(
          Count.of(failed, "run") + " of " + settings.run().size() + " failed; the rest is done");
      return ExitCode.FAILED;
    }
    return code;
  }

  private static TrainSettings read(String file, HubNames names) {
    try {
      Schema<TrainSettings> schema = Schema.of(TrainSettings.class);
      TrainSettings run = schema.read(List.of(RunFile.read(Path.of(file))));
      if (run.output().dryRun()) {
        throw new InputException(
            file + ": dry_run is given, and a queue trains; leave it out, or use train");
      }
      return Named.in(names.in(schema, run, HubNames.Part.WEIGHTS));
    } catch (InvalidPathException e) {
      throw new InputException("'" + file + "' is no path; give YAML files of runs", e);
    }
  }

  private static Map<String, @Nullable Object> values(RunQueue.Outcome outcome) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    Throwable failure = outcome.failure();
    RunState state = outcome.state();
    values.put("file", outcome.name());
    values.put("out", outcome.out().toString());
    values.put("state", (state == null ? RunState.FAILED : state).name().toLowerCase(Locale.ROOT));
    values.put("message", failure == null ? null : Failure.of(failure).line());
    return values;
  }

  /// Prints the events of a queue: each tenth of a run, held-out losses, warnings.
  private record QueueLines(Console console) implements RunQueue.Listener {
    @Override
    public void line(String line) {
      console.note(line);
    }

    @Override
    public void event(String name, TrainEvent event) {
      switch (event) {
        case TrainEvent.Warning warning -> console.warn(name + ": " + warning.line());
        case TrainEvent.Step step when tenth(step) ->
            console.note(
                String.format(
                    Locale.ROOT,
                    "%s  step %d/%d  loss %.4f  %,.0f tok/s",
                    name,
                    step.step(),
                    step.steps(),
                    step.loss(),
                    step.tokensPerSecond()));
        case TrainEvent.Evaluated held ->
            console.note(
                String.format(
                    Locale.ROOT,
                    "%s  held-out loss %.4f after %d",
                    name,
                    held.loss(),
                    held.step()));
        default -> {}
      }
    }

    private static boolean tenth(TrainEvent.Step step) {
      return 10L * step.step() / step.steps() != 10L * (step.step() - 1) / step.steps();
    }
  }
}
