package dev.nudge.train;

import dev.nudge.format.DiskRoom;
import dev.nudge.model.ModelFolder;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.TrainSettings;
import java.nio.file.Path;

/// Checks that the disk has space for everything a run will write.
///
/// A save is written beside the previous one and then replaces it, so two copies of the trained
/// weights exist for a time. If the best and the last are kept, there may be a third copy; that is
/// not certain, so it is not required. Files that a run replaces stay until its first save, and
/// free their space then. Page files exist from the start.
final class RunRoom {
  private static final long METRICS_BYTES = 300; // a line

  private RunRoom() {}

  /// @throws dev.nudge.settings.InputException if the disk has too little space
  static void check(Prepared run) {
    TrainSettings settings = run.settings();
    boolean full = settings.lora().method() == Method.FULL;
    Path model = settings.model().model();
    Path out = settings.output().out();
    long each = full ? modelBytes(model) : run.trained().savedBytes();
    int copies = copies(run);
    int kept = copies > 1 ? checkpoints(run) : 0;
    long state = run.plan().footprint().stateBytes();
    long saves = Math.max(each, copies * each + kept * state - RunFolder.replacedBytes(out));
    long pages = run.plan().footprint().paged() + run.plan().lanes() * run.plan().offloadedBytes();
    String what = Count.of(copies, full ? "model" : "adapter") + " of " + Bytes.shown(each);
    if (copies > 1) {
      what += ", for a save is written beside the previous one";
    }
    if (kept > 0) {
      what += "; " + Count.of(kept, "checkpoint") + " of " + Bytes.shown(state) + " (--keep)";
    }
    if (pages > 0) {
      what += "; " + Bytes.shown(pages) + " of memory that --memory sends to files";
    }
    DiskRoom.check(
        out,
        saves + pages + RunFolder.besideBytes(model) + METRICS_BYTES * run.steps(),
        what,
        pages > saves
            ? ", or give a larger --memory"
            : settings.lora().method() != Method.LORA || settings.lora().initAdapter() != null
                ? ""
                : settings.lora().modulesToSave().isEmpty()
                    ? ", or give a smaller --rank"
                    : ", or give fewer --modules-to-save");
  }

  /// Bytes of a model with the same files, names and types as its base.
  private static long modelBytes(Path base) {
    return DiskRoom.bytes(ModelFolder.names(base).stream().distinct().map(base::resolve).toList());
  }

  /// The maximum number of checkpoints on disk at a time: those kept, and one being written.
  private static int checkpoints(Prepared run) {
    int kept = run.settings().output().kept();
    return kept == 0 ? 0 : kept + 1;
  }

  /// The copies of the trained weights on disk at a time, if the run is long enough to save.
  private static int copies(Prepared run) {
    Integer save = run.settings().output().saveSteps();
    Integer look = run.settings().eval().evalSteps();
    boolean saves = save == null ? run.steps() > 1 : save < run.steps(); // before the end
    boolean best =
        run.held() != null
            && (look == null ? run.schedule().batches().stepsPerEpoch() : look) < run.steps();
    return saves || best ? 2 : 1;
  }
}
