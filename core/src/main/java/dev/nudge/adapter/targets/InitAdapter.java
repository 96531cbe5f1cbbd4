package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Holds the flags that must not contradict the adapter a run continues from (`--init-adapter`).
///
/// Rank, alpha, rsLoRA and targets come from the adapter; a flag may repeat them, not change them.
/// Targets conflict only if they select other modules. Dropout comes from the flag.
///
/// @param rank value of the flag, or null if it was not given; the same for the others
public record InitAdapter(
    @Nullable Integer rank,
    @Nullable Double alpha,
    @Nullable Boolean rsLora,
    @Nullable Targets targets) {

  /// Checks the flags against the adapter read from `folder`.
  ///
  /// @throws InputException naming the flag's value and the adapter's
  public void check(Lora loaded, Path folder, Collection<String> linears, Collection<String> ends) {
    if (rank != null && rank != loaded.rank()) {
      throw disagree("--rank " + rank, "rank " + loaded.rank(), folder);
    }
    if (alpha != null && alpha != loaded.alpha()) {
      throw disagree("--alpha " + shown(alpha), "alpha " + shown(loaded.alpha()), folder);
    }
    if (rsLora != null && rsLora != loaded.rsLora()) {
      throw disagree(rsLora ? "--rs-lora" : "rs-lora off", "use_rslora " + loaded.rsLora(), folder);
    }
    if (targets != null) {
      checkTargets(targets, loaded, folder, linears, ends);
    }
  }

  private static void checkTargets(
      Targets given,
      Lora loaded,
      Path folder,
      Collection<String> linears,
      Collection<String> ends) {
    List<String> wanted = Lora.of(1, 1, given).select(linears, ends);
    List<String> there = loaded.select(linears, ends);
    Set<String> difference = new LinkedHashSet<>(wanted);
    there.forEach(difference::remove);
    String how = "only the flag selects";
    if (difference.isEmpty()) {
      difference.addAll(there);
      wanted.forEach(difference::remove);
      how = "only the adapter has";
    }
    if (!difference.isEmpty()) {
      throw disagree(
          "--targets " + given,
          "other targets (%s %s)".formatted(how, difference.iterator().next()),
          folder);
    }
  }

  private static String shown(double value) {
    return value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value);
  }

  private static InputException disagree(String flag, String adapter, Path folder) {
    return new InputException(
        "%s disagrees with --init-adapter %s, which has %s; leave the flag out"
            .formatted(flag, folder, adapter));
  }
}
