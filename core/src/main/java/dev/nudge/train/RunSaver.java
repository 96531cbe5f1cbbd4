package dev.nudge.train;

import dev.nudge.format.RunFiles;
import dev.nudge.settings.DivergedException;
import dev.nudge.settings.train.OutSettings;
import dev.nudge.train.checkpoint.BackgroundWriter;
import dev.nudge.train.checkpoint.RunCheckpoint;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.checkpoint.SavePace;
import dev.nudge.train.events.PhaseEvent;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.optimizer.ParameterGroup;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Saves the trained weights and checkpoints of a run, in the background.
///
/// A save is written during the next step, which changes no parameter before the save is done: it
/// costs no time if it is faster than a forward and a backward pass, and a checkpoint needs no copy
/// of the parameters.
///
/// A checkpoint is written before the adapter of the same step. So after a kill the latest
/// checkpoint is at least as new as all other files, and the resumed run writes these again.
///
/// Threading: confined to the run's thread.
final class RunSaver {
  private final Prepared prepared;
  private final Tuning tuning;
  private final ParameterGroup group;
  private final RunFolder folder;
  private final RunIdentity identity;
  private final RunCounts counts;
  private final RunReport report;
  private final BackgroundWriter behind;
  private final SavePace pace;

  private int savedUpdates;
  private int saves;
  private @Nullable Integer savedStep;
  private @Nullable Save saving; // that is being written
  private boolean unwritable; // the disk refused a save
  private boolean diverged; // so current weights are worse than saved ones

  /// The save being written.
  ///
  /// @param last whether it is saved as `last`, beside the best
  private record Save(int step, int updates, boolean last) {}

  /// @param clock nanoseconds, for the time between saves
  RunSaver(
      Prepared prepared,
      Tuning tuning,
      ParameterGroup group,
      RunFolder folder,
      RunIdentity identity,
      RunCounts counts,
      RunReport report,
      BackgroundWriter behind,
      LongSupplier clock) {
    this.prepared = prepared;
    this.tuning = tuning;
    this.group = group;
    this.folder = folder;
    this.identity = identity;
    this.counts = counts;
    this.report = report;
    this.behind = behind;
    this.pace = new SavePace(prepared.plan().footprint().stateBytes(), clock);
  }

  private OutSettings output() {
    return prepared.settings().output();
  }

  /// Counts the step of a checkpoint as saved.
  void goOn(int step) {
    saves = 1;
    savedStep = step;
    savedUpdates = counts.updates();
  }

  /// The step of the last save; null: none.
  @Nullable Integer savedStep() {
    return savedStep;
  }

  /// Notes that the run has diverged: from now on earlier saves remain the run's result.
  void diverged() {
    diverged = true;
  }

  /// Whether a run that fails now leaves a usable save.
  boolean leavesSome() {
    return saves > 0 || isWorthSaving();
  }

  private boolean unsaved() {
    return counts.updates() > savedUpdates;
  }

  /// Whether a failing run should save its state: not if the save would replace an old run.
  private boolean isWorthSaving() {
    return unsaved()
        && !unwritable
        && !folder.replacesAnother()
        && !group.torn()
        && tuning.isFinite();
  }

  /// Whether a save is due between two steps.
  boolean isDue() {
    int steps = counts.steps();
    if (!unsaved() || counts.skipped().isLast() || steps == prepared.steps()) {
      return false; // after a non-finite step earlier saves stay; the end saves by itself
    }
    Integer every = output().saveSteps();
    return every == null ? pace.isDue() : steps % every == 0;
  }

  /// Saves the current weights if they are not saved yet: as the run's result, or as `last` beside
  /// the best. A diverged run keeps its earlier save as the result.
  ///
  /// @param checkpointed whether to write a checkpoint, from which the run may resume
  void save(boolean checkpointed) {
    await();
    if (unsaved()) {
      if (!tuning.isFinite()) {
        diverged = true;
        throw new DivergedException(
            "the update of step %d made numbers that are not finite; %s; lower --learning-rate"
                .formatted(
                    counts.steps() - counts.skipped().sinceUpdate(), SkippedSteps.kept(saves > 0)));
      }
      save(false, checkpointed);
    }
  }

  /// Starts a save.
  ///
  /// @param checkpointed whether to write a checkpoint first, if the settings want any
  void save(boolean best, boolean checkpointed) {
    await();
    boolean last = !best && (counts.evalBest() != null || (diverged && saves > 0));
    int step = counts.steps();
    boolean moves = folder.moves();
    Runnable checkpoint = checkpoint(checkpointed && output().kept() > 0);
    saving = new Save(step, counts.updates(), last);
    Runnable work =
        () -> {
          checkpoint.run();
          try (PhaseEvent _ = PhaseEvent.of("save", step)) {
            write(last);
          }
        };
    behind.begin(checkpointed ? pace.timed(work) : work);
    if (moves) {
      await();
    }
  }

  /// The job that writes a checkpoint of the current step; after a full disk, a complete checkpoint
  /// is not written again.
  private Runnable checkpoint(boolean wanted) {
    int keep = output().kept();
    Integer best = counts.bestStep();
    RunCheckpoint checkpoint = wanted ? report.checkpoint(group.updates()) : null;
    boolean[] placed = {false};
    return () -> {
      if (keep == 0) {
        RunCheckpoints.clear(folder.path()); // written before keep was 0
      }
      if (checkpoint != null && !placed[0]) {
        try (PhaseEvent _ = PhaseEvent.of("checkpoint", checkpoint.step())) {
          report.force();
          RunCheckpoints.write(folder.path(), checkpoint, group::write);
          placed[0] = true;
          RunCheckpoints.prune(folder.path(), keep, best);
        }
      }
    };
  }

  /// Writes the trained weights as the run's result, or as `last` beside the best.
  private void write(boolean last) {
    Consumer<Path> writing =
        growing -> {
          identity.write(growing);
          tuning.write(growing);
          if (last) {
            prepared.inputs().tokens().tokenizer().writeOwn(growing);
          }
        };
    if (last) {
      folder.saveLast(writing);
    } else {
      folder.save(writing);
    }
  }

  /// Saves the weights of an older checkpoint as the run's result, then restores the parameters.
  void saveAgain(RunCheckpoints.Found older, RunCheckpoints.Found now) {
    group.read(older.state(), older.checkpoint().optimizerUpdates());
    behind.now(() -> write(false));
    group.read(now.state(), now.checkpoint().optimizerUpdates());
  }

  /// Waits until the save is on the disk.
  void await() {
    Save save = saving;
    if (save == null) {
      return;
    }
    unwritable = true;
    behind.await();
    unwritable = false;
    saving = null;
    savedUpdates = save.updates();
    saves++;
    savedStep = save.step();
    pace.ended();
    report.tell(
        new TrainEvent.Saved(save.last() ? folder.path().resolve(RunFiles.LAST) : folder.path()));
    report.write(RunState.RUNNING, savedStep);
  }

  /// Saves the state of a failing run, if it is worth saving.
  void rescue() {
    if (!unwritable) {
      await();
    }
    report.writeLines(); // space may be free again
    if (isWorthSaving()) {
      save(counts.isBest() && !counts.evaluationDue(), !diverged);
      await();
    }
  }
}
