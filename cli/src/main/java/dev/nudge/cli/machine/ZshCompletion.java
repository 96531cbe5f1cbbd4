package dev.nudge.cli.machine;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.mapping;

import dev.nudge.cli.console.Verb;
import dev.nudge.settings.ShellWord;
import java.util.List;
import java.util.TreeMap;

/// Generates the zsh completion script: `_arguments` with a line per flag.
///
/// It works as a file `_nudge` in a folder of `fpath` and read by `source` after `compinit`.
final class ZshCompletion {
  private ZshCompletion() {}

  static String of(List<Verb<?>> verbs) {
    return """
    #compdef nudge
    # Completion of nudge for zsh, made by: nudge completion --shell zsh
    _nudge() {
      local verb=$words[2]
      if (( CURRENT == 2 )); then
        local -a verbs=(
    %s
          'help:show the help, or that of a verb'
          '--help:show the help'
          '--version:say which nudge this is'
        )
        _describe verb verbs
        return
      fi
      shift words
      (( CURRENT-- ))
      case $verb in
    %s
      esac
      case $verb in
        help)
          compadd -- %s ;;
    %s
      esac
    }
    if [ "$funcstack[1]" = _nudge ]; then _nudge "$@"; else compdef _nudge nudge; fi\
    """
        .formatted(
            verbs.stream()
                    .filter(verb -> !verb.inGroup())
                    .map(
                        verb ->
                            "      " + ShellWord.quoted(verb.name() + ":" + verb.about().summary()))
                    .collect(joining("\n"))
                + groups(verbs, "\n      '%1$s:one of %2$s'"),
            groups(
                verbs,
                """
                    %1$s)
                      if (( CURRENT == 2 )); then
                        compadd -- %2$s
                        return
                      fi
                      verb=%1$s-$words[2]
                      shift words
                      (( CURRENT-- )) ;;
                """),
            verbs.stream().map(Verb::group).distinct().collect(joining(" ")),
            verbs.stream().map(ZshCompletion::branch).collect(joining("\n")));
  }

  /// Formats a text per group of verbs: its word, and the second words of its verbs.
  private static String groups(List<Verb<?>> verbs, String text) {
    return verbs.stream()
        .filter(Verb::inGroup)
        .collect(groupingBy(Verb::group, TreeMap::new, mapping(Verb::lastWord, joining(" "))))
        .entrySet()
        .stream()
        .map(group -> text.formatted(group.getKey(), group.getValue()))
        .collect(joining());
  }

  private static String branch(Verb<?> verb) {
    return CompletedFlag.of(verb).stream()
        .map(flag -> " \\\n        " + ShellWord.quoted(spec(flag)))
        .collect(
            joining("", "    " + verb.name().replace(' ', '-') + ")\n      _arguments", " ;;"));
  }

  /// `--flag=[help]:label:action`; `=` means that the value may also follow after a space.
  private static String spec(CompletedFlag flag) {
    String help = "[" + flag.help().replaceAll("([\\\\\\[\\]])", "\\\\$1") + "]";
    String value = ":" + flag.label().replace(":", "\\:") + ":";
    String many = flag.repeatable() ? "*" : "";
    return switch (flag.takes()) {
      case NOTHING -> flag.name() + help;
      case CHOICE ->
          many + flag.name() + "=" + help + value + "(" + String.join(" ", flag.choices()) + ")";
      case FILE -> many + flag.name() + "=" + help + value + "_files";
      case FOLDER -> many + flag.name() + "=" + help + value + "_files -/";
      case OTHER -> many + flag.name() + "=" + help + value + " ";
    };
  }
}
