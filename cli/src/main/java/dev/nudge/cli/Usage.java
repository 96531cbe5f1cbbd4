package dev.nudge.cli;

import dev.nudge.settings.Kind;
import dev.nudge.settings.Knob;
import dev.nudge.settings.Setting;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/// Writes the help of the command and of a verb.
final class Usage {
  private static final int WIDTH = 100;
  private static final int INDENT = 2;
  private static final int COLUMN = 30;
  private static final String VERB = "%-20s%s"; // a name and what it does

  private Usage() {}

  /// The help of `nudge --help`.
  static String of(Collection<? extends Verb<?>> verbs) {
    List<String> lines = new ArrayList<>();
    lines.add("nudge fine-tunes language models on the JVM.");
    lines.add("");
    lines.add("Usage: nudge VERB [FLAGS]");
    lines.add("");
    for (Verb<?> verb : verbs) {
      lines.add(" ".repeat(INDENT) + String.format(VERB, verb.name(), verb.summary()));
    }
    lines.add("");
    lines.add("nudge help VERB says what a verb takes; nudge --version says which nudge this is.");
    return String.join("\n", lines);
  }

  /// The help of one verb.
  static String of(Verb<?> verb, List<Knob> knobs) {
    List<String> lines = new ArrayList<>();
    lines.add("nudge " + verb.name() + ": " + verb.summary());
    lines.add("");
    lines.add("Usage: nudge " + verb.name() + required(knobs) + " [FLAGS]");
    String group = "";
    for (Knob knob : knobs) {
      if (!knob.group().equals(group)) {
        group = knob.group();
        lines.add("");
        lines.add(group);
      }
      addFlag(lines, names(knob), knob.setting().help() + remark(knob));
    }
    lines.add("");
    lines.add("Everywhere");
    if (verb.takesFile()) {
      addFlag(
          lines,
          Flags.CONFIG + " FILE",
          "YAML file of settings, with _ for - in names; flags override it");
    }
    Flags.COMMON.forEach((flag, help) -> addFlag(lines, flag, help));
    return String.join("\n", lines);
  }

  /// The help of a group of verbs, `nudge runs`.
  static String of(String group, Collection<? extends Verb<?>> verbs) {
    List<String> lines = new ArrayList<>();
    lines.add("Usage: nudge " + group + " VERB [FLAGS]");
    lines.add("");
    for (Verb<?> verb : verbs) {
      lines.add(" ".repeat(INDENT) + String.format(VERB, verb.name(), verb.summary()));
    }
    lines.add("");
    lines.add("nudge help " + group + " VERB says what a verb takes.");
    return String.join("\n", lines);
  }

  private static String required(List<Knob> knobs) {
    StringBuilder synopsis = new StringBuilder();
    knobs.stream()
        .filter(knob -> knob.setting().required())
        .forEach(knob -> synopsis.append(' ').append(names(knob)));
    return synopsis.toString();
  }

  private static String names(Knob knob) {
    if (knob.operand()) {
      return knob.label() + (knob.repeatable() ? "…" : "");
    }
    if (knob.kind() == Kind.SWITCH) {
      return knob.flag() + (knob.setting().negatable() ? ", --no-" + knob.flag().substring(2) : "");
    }
    return knob.flag() + " " + knob.label();
  }

  private static String remark(Knob knob) {
    Setting setting = knob.setting();
    if (setting.required()) {
      return " (required)";
    }
    if (knob.kind() == Kind.SWITCH) {
      return setting.byDefault().equals("true") ? " (default: " + knob.flag() + ")" : "";
    }
    if (setting.byDefault().isEmpty()) {
      return "";
    }
    String other =
        setting.when().isEmpty()
            ? ""
            : "; " + setting.thenDefault() + " with --" + setting.when().replace('=', ' ');
    return " (default: " + setting.byDefault() + other + ")";
  }

  private static void addFlag(List<String> lines, String names, String help) {
    String line = " ".repeat(INDENT) + names;
    if (line.length() > COLUMN - 2) {
      lines.add(line);
      line = "";
    }
    for (String word : help.split(" ")) {
      if (line.length() + 1 + word.length() > WIDTH) {
        lines.add(line);
        line = "";
      }
      boolean first = line.length() < COLUMN;
      line = first ? String.format("%-" + COLUMN + "s%s", line, word) : line + " " + word;
    }
    lines.add(line);
  }
}
