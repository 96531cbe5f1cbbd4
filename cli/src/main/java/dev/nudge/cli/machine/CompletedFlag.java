package dev.nudge.cli.machine;

import dev.nudge.cli.console.Flags;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.SettingComponent;
import java.util.ArrayList;
import java.util.List;

/// A flag as shell completion sees it, derived from the same records as the help.
///
/// @param name the flag with its dashes
/// @param help one line
/// @param takes the kind of value
/// @param label placeholder of the value in the help; empty for a switch
/// @param choices values of an enumeration
/// @param repeatable whether it may be given several times
public record CompletedFlag(
    String name, String help, Takes takes, String label, List<String> choices, boolean repeatable) {

  /// The kind of value that a shell can complete.
  enum Takes {
    NOTHING,
    CHOICE,
    FILE,
    FOLDER,
    /// A number or a text, not completed.
    OTHER
  }

  /// Lists the flags of a verb in the order of its help.
  public static List<CompletedFlag> of(Verb<?> verb) {
    List<CompletedFlag> flags = new ArrayList<>();
    for (SettingComponent knob : verb.schema().knobs()) {
      if (knob.operand()) {
        continue;
      }
      Takes takes = takes(knob);
      String help = knob.setting().help();
      flags.add(
          new CompletedFlag(
              knob.flag(), help, takes, knob.label(), knob.choices(), knob.repeatable()));
      if (knob.setting().negatable()) {
        flags.add(plain("--no-" + knob.flag().substring(2), "not: " + help, Takes.NOTHING, ""));
      }
    }
    if (verb.takesFile()) {
      flags.add(plain(Flags.CONFIG, "YAML file of settings", Takes.FILE, "FILE"));
    }
    flags.add(
        new CompletedFlag(
            Flags.KERNELS,
            Flags.KERNELS_HELP,
            Takes.CHOICE,
            "CHOICE",
            Flags.KERNELS_VALUES,
            false));
    Flags.COMMON.forEach((flag, help) -> flags.add(plain(flag, help, Takes.NOTHING, "")));
    return flags;
  }

  private static CompletedFlag plain(String name, String help, Takes takes, String label) {
    return new CompletedFlag(name, help, takes, label, List.of(), false);
  }

  private static Takes takes(SettingComponent knob) {
    return switch (knob.kind()) {
      case SWITCH -> Takes.NOTHING;
      case CHOICE -> Takes.CHOICE;
      default ->
          switch (knob.label()) {
            case "FILE" -> Takes.FILE;
            case "FOLDER", "FOLDER|REFERENCE", "FOLDER|NAME" -> Takes.FOLDER;
            default -> Takes.OTHER;
          };
    };
  }
}
