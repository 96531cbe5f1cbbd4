package dev.nudge.train;

import dev.nudge.settings.InputException;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.PlanSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Searches for settings that make a run fit: each flag alone, then all that help together.
final class Remedies {
  private static final int LEAST_LENGTH = 128;

  private final Function<PlanSettings, Forecast.Attempt> attempt;
  private final PlanSettings settings;

  Remedies(Function<PlanSettings, Forecast.Attempt> attempt, PlanSettings settings) {
    this.attempt = attempt;
    this.settings = settings;
  }

  /// Flags that make the run fit, each enough alone, the least intrusive first.
  List<String> found() {
    List<String> found = new ArrayList<>();
    PlanSettings all = settings;
    List<Change> knobs = knobs();
    for (Change knob : knobs) {
      PlanSettings changed = settings.with(knob.key, knob.value);
      if (fits(changed)) {
        found.add(knob.flags());
      }
      all = all.with(knob.key, knob.value);
    }
    int length = longest(settings);
    if (length > 0) {
      found.add(shorter(length));
    }
    if (found.isEmpty() && !knobs.isEmpty()) {
      int shorter = fits(all) ? -1 : longest(all);
      if (shorter != 0) {
        StringBuilder flags = new StringBuilder();
        knobs.forEach(knob -> flags.append(knob.flags()).append(' '));
        found.add(shorter < 0 ? flags.toString().strip() : flags + shorter(shorter));
      }
    }
    long needed = attempt.apply(settings).fit().plan().totalBytes();
    found.add("--memory " + Math.ceilDiv(needed, 1L << 20) + "MiB");
    return found;
  }

  /// The flags for shorter rows: with longer rows in the data, also the flag that truncates them.
  private String shorter(int length) {
    boolean cut =
        settings.rows() == null || settings.length().truncate() || settings.length().split();
    return "--max-length " + length + (cut ? "" : " --truncate");
  }

  private record Change(String key, Object value, String flags) {}

  private List<Change> knobs() {
    List<Change> knobs = new ArrayList<>();
    boolean full = settings.lora().method() == Method.FULL;
    if (full && settings.optimizer().optimizer() == Optimizer.ADAMW) {
      knobs.add(new Change("optimizer", "adamw-8bit", "--optimizer adamw-8bit"));
    }
    boolean dense = attempt.apply(settings).fit().plan().footprint().weights().dense() > 0;
    if (!full && dense && isAllowed(settings.with("quantize", "nf4"))) {
      knobs.add(new Change("quantize", "nf4", "--quantize nf4"));
    }
    Integer lanes = settings.model().lanes();
    if (lanes != null && lanes > 1) {
      knobs.add(new Change("lanes", 1, "--lanes 1"));
    }
    LoraSettings lora = settings.lora();
    if (lora.method() == Method.LORA && lora.initAdapter() == null && lora.rank() > 8) {
      knobs.add(new Change("rank", 8, "--rank 8"));
    }
    return knobs;
  }

  private boolean fits(PlanSettings s) {
    try {
      return attempt.apply(s).fit().fits();
    } catch (InputException e) {
      return false; // a knob that these settings do not allow
    }
  }

  /// Weights in another format are not quantised again, though some of them are dense.
  private boolean isAllowed(PlanSettings s) {
    try {
      var _ = attempt.apply(s);
      return true;
    } catch (InputException e) {
      return false;
    }
  }

  /// The longest rows that fit, a multiple of 64; 0: none fit.
  private int longest(PlanSettings s) {
    int high = attempt.apply(s).fit().plan().longest() / 64; // does not fit
    int low = LEAST_LENGTH / 64;
    if (high <= low || !fits(s.with("max_length", 64 * low))) {
      return 0;
    }
    while (high - low > 1) {
      int middle = (low + high) / 2;
      if (fits(s.with("max_length", 64 * middle))) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return 64 * low;
  }
}
