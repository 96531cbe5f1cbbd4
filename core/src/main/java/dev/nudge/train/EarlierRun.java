package dev.nudge.train;

import dev.nudge.format.Claim;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.TrainSettings;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Makes errors about an earlier run in the output folder: its state and the remedy.
///
/// @param out the folder
/// @param run its `run.json`
record EarlierRun(Path out, JsonNode run) {
  private static final String RUNNING = "running"; // while it runs, and for ever once it is killed

  private static final int SHOWN = 3; // differences

  private String state() {
    return run.path(RunFiles.STATE).asString("");
  }

  boolean isFinished() {
    return state().equals("finished");
  }

  /// Refuses a folder that another process is writing into.
  void checkIsOver() {
    if (state().equals(RUNNING) && Claim.isHeld(out)) {
      throw new InputException(
          "another nudge trains into --out " + out + "; wait for it or give another folder");
    }
  }

  /// The error for a run with other settings or other data.
  ///
  /// @param changes one phrase each
  InputException another(List<String> changes) {
    String how = state().equals(RUNNING) ? "killed or crashed before its end" : "state " + state();
    return inTheWay("another run (" + how + "): " + listed(changes));
  }

  /// The error for resuming with a changed model.
  InputException onAnother(List<String> changes) {
    return inTheWay("this run, begun on another model: " + listed(changes));
  }

  /// The error for a finished run whose files have changed.
  InputException spoilt(List<String> changes) {
    return inTheWay("this run, finished, but " + listed(changes));
  }

  private InputException inTheWay(String what) {
    return new InputException(
        "--out " + out + " holds " + what + "; give another folder, or --overwrite to replace it");
  }

  private static String listed(List<String> changes) {
    int more = changes.size() - SHOWN;
    String first = String.join(", ", changes.subList(0, Math.min(SHOWN, changes.size())));
    return more > 0 ? first + " and " + more + " more" : first;
  }

  /// The error for the same run that did not finish.
  InputException unfinished(TrainSettings settings) {
    String how =
        switch (state()) {
          case RUNNING -> "was killed or crashed before its end";
          case "stopped" -> "was stopped before its end";
          default -> "failed before its end";
        };
    JsonNode step = run.path(RunFiles.SAVED_STEP);
    String kept =
        step.isNumber()
            ? "what it saved after step " + step + " of " + run.path(RunFiles.PLANNED_STEPS)
            : "what it saved last";
    String flag = settings.lora().method() == Method.FULL ? "--model " : "--init-adapter ";
    return new InputException(
        "--out %s holds this run, which %s; %s is kept; --overwrite starts it again, another --out with %s%s continues from the saved weights"
            .formatted(out, how, kept, flag, out));
  }
}
