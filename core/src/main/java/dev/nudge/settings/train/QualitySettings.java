package dev.nudge.settings.train;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.Setting;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// How to treat rows with a flaw: by default they are counted and kept.
///
/// @param dropRows flaws whose rows are dropped
/// @param refuseRows flaws that refuse the data set
public record QualitySettings(
    @Setting(
            help =
                "leave rows out: duplicates, near-duplicates (of held-out rows), empty-messages,"
                    + " turns (out of order), secrets, personal-data; a list, or several times",
            label = "FLAW")
        List<String> dropRows,
    @Setting(help = "refuse the data where rows have one of these flaws", label = "FLAW")
        List<String> refuseRows) {

  /// Keeps every row.
  public static final QualitySettings KEEP = new QualitySettings(List.of(), List.of());

  public QualitySettings {
    dropRows = List.copyOf(dropRows);
    refuseRows = List.copyOf(refuseRows);
    Set<Flaw> both = flaws("--drop-rows", dropRows);
    both.retainAll(flaws("--refuse-rows", refuseRows));
    for (Flaw flaw : both) {
      throw new InputException(
          "--drop-rows %1$s and --refuse-rows %1$s are both given; leave one out"
              .formatted(flaw.shown()));
    }
  }

  /// The flaws whose rows are dropped.
  public Set<Flaw> dropped() {
    return flaws("--drop-rows", dropRows);
  }

  /// The flaws that refuse the data set.
  public Set<Flaw> refused() {
    return flaws("--refuse-rows", refuseRows);
  }

  private static Set<Flaw> flaws(String flag, List<String> names) {
    Set<Flaw> flaws = EnumSet.noneOf(Flaw.class);
    for (String several : names) {
      for (String name : several.split(",")) {
        flaws.add(
            Arrays.stream(Flaw.values())
                .filter(flaw -> flaw.shown().equals(name.strip()))
                .findFirst()
                .orElseThrow(() -> unknown(flag, name.strip())));
      }
    }
    return flaws;
  }

  private static InputException unknown(String flag, String name) {
    List<String> known = Arrays.stream(Flaw.values()).map(Flaw::shown).toList();
    return new InputException(
        "%s is '%s'; supported: %s%s"
            .formatted(flag, name, String.join(", ", known), Nearest.hint(name, known)));
  }
}
