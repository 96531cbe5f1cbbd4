package dev.nudge.train;

import dev.nudge.plan.Planner;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.RunSettings;
import dev.nudge.train.objective.SamplePrompts;
import java.util.ArrayList;
import java.util.List;

/// Searches for settings that make a run fit: each flag alone, then all that help together.
final class Remedies {
  private static final int LEAST_LENGTH = 128;

  private final Assembly<?> run;
  private final Assembly.Rows rows;
  private final SamplePrompts samples;

  Remedies(Assembly<?> run, Assembly.Rows rows, SamplePrompts samples) {
    this.run = run;
    this.rows = rows;
    this.samples = samples;
  }

  /// Flags that make the run fit, each enough alone, the least intrusive first.
  List<String> found() {
    List<String> found = new ArrayList<>();
    Assembly<?> all = run;
    List<Change> changes = changes();
    for (Change change : changes) {
      if (fits(run.with(change.key, change.value))) {
        found.add(change.flags());
      }
      all = all.with(change.key, change.value);
    }
    int length = longest(run);
    if (length > 0) {
      found.add(shorter(length));
    }
    if (found.isEmpty() && !changes.isEmpty()) {
      int shorter = fits(all) ? -1 : longest(all);
      if (shorter != 0) {
        StringBuilder flags = new StringBuilder();
        changes.forEach(change -> flags.append(change.flags()).append(' '));
        found.add(shorter < 0 ? flags.toString().strip() : flags + shorter(shorter));
      }
    }
    found.add("--memory " + Math.ceilDiv(fit(run).plan().totalBytes(), 1L << 20) + "MiB");
    return found;
  }

  private Planner.Fit fit(Assembly<?> other) {
    return other.fit(rows.cut(other.maxLength(), other.settings().batchSize()), samples);
  }

  /// The flags for shorter rows: with longer rows in the data, also the flag that truncates them.
  private String shorter(int length) {
    RunSettings<?> s = run.settings();
    boolean cut = s.rows() == null || s.length().truncate() || s.length().split();
    return "--max-length " + length + (cut ? "" : " --truncate");
  }

  private record Change(String key, Object value, String flags) {}

  private List<Change> changes() {
    List<Change> changes = new ArrayList<>();
    RunSettings<?> settings = run.settings();
    if (settings.full() && settings.optimizer().optimizer() == Optimizer.ADAMW) {
      changes.add(new Change("optimizer", "adamw-8bit", "--optimizer adamw-8bit"));
    }
    boolean dense = fit(run).plan().footprint().weights().dense() > 0;
    if (!settings.full() && dense && allowsNf4()) {
      changes.add(new Change("quantize", "nf4", "--quantize nf4"));
    }
    Integer lanes = settings.model().lanes();
    if (lanes != null && lanes > 1) {
      changes.add(new Change("lanes", 1, "--lanes 1"));
    }
    LoraSettings lora = settings.lora();
    if (lora.method() == Method.LORA && lora.initAdapter() == null && lora.rank() > 8) {
      changes.add(new Change("rank", 8, "--rank 8"));
    }
    return changes;
  }

  private boolean fits(Assembly<?> other) {
    try {
      return fit(other).fits();
    } catch (InputException e) {
      return false; // a change that these settings do not allow
    }
  }

  /// Weights in another format are not quantised again, though some of them are dense.
  private boolean allowsNf4() {
    try {
      var _ = fit(run.with("quantize", "nf4"));
      return true;
    } catch (InputException e) {
      return false;
    }
  }

  /// The longest rows that fit, a multiple of 64; 0: none fit.
  private int longest(Assembly<?> other) {
    int high = fit(other).plan().longest() / 64; // does not fit
    int low = LEAST_LENGTH / 64;
    if (high <= low || !fits(other.with("max_length", 64 * low))) {
      return 0;
    }
    while (high - low > 1) {
      int middle = (low + high) / 2;
      if (fits(other.with("max_length", 64 * middle))) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return 64 * low;
  }
}
