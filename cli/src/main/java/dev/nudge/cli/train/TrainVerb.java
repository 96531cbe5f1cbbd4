package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.Layer;
import dev.nudge.settings.ShellWord;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge train`: runs one fine-tuning run.
///
/// @param runner runs the training
/// @param command the word to type for `nudge`
public record TrainVerb(Runner runner, String command) implements Verb<TrainSettings> {
  public TrainVerb(Runner runner) {
    this(runner, "nudge");
  }

  /// The library function that this verb calls.
  public interface Runner {
    /// Validates everything, then trains, unless the settings ask for a dry run. Errors before the
    /// first step are `InputException`s.
    ///
    /// @param events receives events in order, on the calling thread
    /// @param cancelled polled between steps; if true, the run saves and ends
    Outcome run(TrainSettings settings, Consumer<TrainEvent> events, BooleanSupplier cancelled);
  }

  /// The end of a run.
  ///
  /// @param object object for `--json`: the content of `run.json`, or the plan of a dry run
  /// @param plan text of a dry run's plan; empty after a run
  public record Outcome(RunState state, Object object, List<String> plan) {}

  @Override
  public About<TrainSettings> about() {
    return new About<>(
        "train", "fine-tunes an adapter or a whole model on rows of examples", TrainSettings.class);
  }

  @Override
  public boolean takesFile() {
    return true;
  }

  /// A resumed run needs only its folder: settings that are not given are the run's.
  @Override
  public @Nullable Layer before(Layer given) {
    boolean resumes = "true".equals(String.valueOf(given.values().get("resume")));
    Object out = given.values().get("out");
    if (!resumes || out == null) {
      return null;
    }
    Path folder;
    try {
      folder = Path.of(out.toString());
    } catch (InvalidPathException e) {
      return null; // the setting's own check reports the error
    }
    return Layer.of(folder.resolve(RunFiles.RUN).toString(), Training.given(folder));
  }

  /// A dry run needs only shapes and tokens, unless an earlier run or adapter must match the
  /// weights.
  @Override
  public HubNames.Part needs(TrainSettings settings) {
    boolean fresh = settings.lora().initAdapter() == null && !Files.exists(settings.output().out());
    return settings.output().dryRun() && fresh ? HubNames.Part.TOKENIZER : HubNames.Part.WEIGHTS;
  }

  @Override
  public int run(TrainSettings settings, Console console) {
    ProgressLine progress =
        new ProgressLine(console.messages(), ProgressLine.style(console), System::nanoTime);
    Consumer<TrainEvent> listener =
        event -> {
          if (console.verbose() || !(event instanceof TrainEvent.Layout)) {
            progress.accept(event);
          }
        };
    Outcome outcome;
    int code;
    try (Signals signals =
        Signals.catching(() -> console.note("\nstopping after this step; again to stop at once"))) {
      outcome = runner.run(settings, listener, signals::stopped);
      code = outcome.state() == RunState.STOPPED ? signals.exitCode() : ExitCode.DONE;
    } finally {
      progress.end();
    }
    outcome.plan().forEach(console::result);
    console.object(outcome.object());
    if (goesOn(settings, outcome)) {
      console.note(
          "to go on: %s train --resume --out %s"
              .formatted(command, ShellWord.of(settings.output().out())));
    }
    return code;
  }

  /// Whether a stopped run can be resumed from a checkpoint.
  private static boolean goesOn(TrainSettings settings, Outcome outcome) {
    return outcome.state() == RunState.STOPPED
        && settings.output().kept() > 0
        && outcome.object() instanceof Map<?, ?> run
        && run.get(RunFiles.SAVED_STEP) != null;
  }
}
