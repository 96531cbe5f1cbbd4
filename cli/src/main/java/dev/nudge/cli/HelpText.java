package dev.nudge.cli;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toList;

import dev.nudge.cli.console.Flags;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.SettingType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Formats the help of the command and of a verb.
final class HelpText {
  private static final int WIDTH = 100;
  private static final int INDENT = 2;
  private static final int COLUMN = 30; // column at which the help of a flag begins
  private static final int VERBS = 20; // column at which the help of a verb begins

  private static final String CODES =
      """

      Results go to standard output, progress and messages to standard error. Exit codes: 0 done;
      1 failed while running; 2 wrong use or bad input, before anything was started; 3 a gate, a
      tolerance or a protected alias says no; 4 a gate cannot tell; 130, 143 stopped by a signal,
      after saving.\
      """;

  private HelpText() {}

  /// Returns the text of `nudge --help`: verbs by purpose, two-word verbs grouped.
  static String of(Collection<? extends Verb<?>> verbs) {
    List<String> lines = new ArrayList<>();
    lines.add("nudge fine-tunes language models on the JVM, judges what came out, and serves it.");
    lines.add("");
    lines.add("Usage: nudge VERB [FLAGS]");
    for (HelpGroup part : HelpGroup.values()) {
      lines.add("");
      lines.add(part.heading());
      for (String word : part.words()) {
        addVerbs(lines, word, verbs.stream().filter(verb -> verb.group().equals(word)).toList());
      }
    }
    lines.add("");
    lines.add("nudge help VERB says what a verb takes; nudge --version says which nudge this is.");
    return String.join("\n", lines);
  }

  private static void addVerbs(List<String> lines, String word, List<? extends Verb<?>> same) {
    String about =
        same.stream().noneMatch(Verb::inGroup)
            ? same.stream().map(verb -> verb.about().summary()).collect(joining())
            : HelpGroup.about(word)
                + ": "
                + same.stream().map(Verb::lastWord).collect(joining(", "));
    if (!same.isEmpty()) {
      add(lines, word, about, VERBS);
    }
  }

  /// Returns the help of one verb.
  static String of(Verb<?> verb) {
    Schema<?> schema = verb.schema();
    List<SettingComponent> rest = new ArrayList<>(schema.knobs());
    List<String> lines = new ArrayList<>();
    lines.add("nudge " + verb.name() + ": " + verb.about().summary());
    lines.add("");
    lines.add("Usage: nudge " + verb.name() + required(rest) + " [FLAGS]");
    List<SettingComponent> operands = rest.stream().filter(SettingComponent::operand).toList();
    operands.forEach(knob -> addFlag(lines, knob));
    addExamples(lines, verb);
    if (!schema.first().isEmpty()) {
      lines.add("");
      lines.add("Most used");
      schema.first().forEach(knob -> addFlag(lines, knob));
    }
    rest.removeAll(operands);
    rest.removeAll(schema.first());
    addGroups(lines, rest);
    addEverywhere(lines, verb);
    return String.join("\n", lines);
  }

  private static void addExamples(List<String> lines, Verb<?> verb) {
    lines.add("");
    lines.add("Examples");
    Examples.of(verb).forEach(example -> lines.add(example.indent(INDENT).stripTrailing()));
  }

  private static void addGroups(List<String> lines, List<SettingComponent> knobs) {
    Map<String, List<SettingComponent>> groups =
        knobs.stream().collect(groupingBy(SettingComponent::group, LinkedHashMap::new, toList()));
    groups.forEach(
        (group, same) -> {
          lines.add("");
          lines.add(group.isEmpty() ? "Flags" : group);
          same.forEach(knob -> addFlag(lines, knob));
        });
  }

  private static void addEverywhere(List<String> lines, Verb<?> verb) {
    lines.add("");
    lines.add("Everywhere");
    if (verb.takesFile()) {
      add(
          lines,
          Flags.CONFIG + " FILE",
          "YAML file of settings, with _ for - in names; flags override it",
          COLUMN);
    }
    add(lines, Flags.KERNELS + " CHOICE", Flags.KERNELS_HELP, COLUMN);
    Flags.COMMON.forEach((flag, help) -> add(lines, flag, help, COLUMN));
    lines.addAll(CODES.lines().toList());
  }

  /// Returns the help of a group of verbs, `nudge runs`.
  static String of(String group, Collection<? extends Verb<?>> verbs) {
    List<String> lines = new ArrayList<>();
    lines.add("nudge " + group + ": " + HelpGroup.about(group));
    lines.add("");
    lines.add("Usage: nudge " + group + " VERB [FLAGS]");
    lines.add("");
    verbs.forEach(verb -> add(lines, verb.name(), verb.about().summary(), VERBS + 2));
    lines.add("");
    lines.add("nudge help " + group + " VERB says what a verb takes.");
    lines.addAll(HelpGroup.more(group));
    return String.join("\n", lines);
  }

  private static String required(List<SettingComponent> knobs) {
    StringBuilder synopsis = new StringBuilder();
    knobs.stream()
        .filter(knob -> knob.setting().required())
        .forEach(knob -> synopsis.append(' ').append(names(knob)));
    return synopsis.toString();
  }

  private static String names(SettingComponent knob) {
    if (knob.operand()) {
      return knob.label() + (knob.repeatable() ? "…" : "");
    }
    if (knob.kind() == SettingType.SWITCH) {
      return knob.flag() + (knob.setting().negatable() ? ", --no-" + knob.flag().substring(2) : "");
    }
    return knob.flag() + " " + knob.label();
  }

  private static String remark(SettingComponent knob) {
    Setting setting = knob.setting();
    if (setting.required()) {
      return " (required)";
    }
    if (knob.kind() == SettingType.SWITCH) {
      return setting.byDefault().equals("true") ? " (default: " + knob.flag() + ")" : "";
    }
    if (setting.byDefault().isEmpty()) {
      return "";
    }
    StringBuilder others = new StringBuilder();
    for (int i = 0; i < setting.when().length; i++) {
      String flags = setting.when()[i].replace('=', ' ').replace("&", " --");
      others.append("; ").append(setting.thenDefault()[i]).append(" with --").append(flags);
    }
    return " (default: " + setting.byDefault() + others + ")";
  }

  private static void addFlag(List<String> lines, SettingComponent knob) {
    add(lines, names(knob), knob.setting().help() + remark(knob), COLUMN);
  }

  /// Adds a name with its help, aligned at a column.
  private static void add(List<String> lines, String name, String help, int column) {
    String line = " ".repeat(INDENT) + name;
    if (line.length() > column - 2) {
      lines.add(line);
      line = "";
    }
    for (String word : help.split(" ")) {
      if (line.length() + 1 + word.length() > WIDTH) {
        lines.add(line);
        line = "";
      }
      boolean first = line.length() < column;
      line = first ? String.format("%-" + column + "s%s", line, word) : line + " " + word;
    }
    lines.add(line);
  }
}
