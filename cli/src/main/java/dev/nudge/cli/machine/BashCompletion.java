package dev.nudge.cli.machine;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.mapping;

import dev.nudge.cli.console.Verb;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Generates the bash completion script (3.2 or newer, no other packages).
///
/// bash calls the function `_nudge` for the words that may follow at the cursor. If it returns
/// none, readline offers file names; `compopt`, which bash 3.2 on macOS lacks, narrows these to
/// folders or to nothing. bash splits `--flag=value` into three words.
final class BashCompletion {
  private BashCompletion() {}

  static String of(List<Verb<?>> verbs) {
    String names = verbs.stream().map(Verb::group).distinct().collect(joining(" "));
    return """
    # Completion of nudge for bash, made by: nudge completion --shell bash
    _nudge() {
      local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} words
      COMPREPLY=()
      if [ "$COMP_CWORD" -eq 1 ]; then
        verb='' flag='' words='%s help --help --version'
      fi
      case $verb in
    %s
      esac
      if [ "$word" = = ]; then
        word=
      elif [ "$flag" = = ]; then
        flag=${COMP_WORDS[COMP_CWORD - 2]}
      fi
      case $verb:$flag in
        : | *:-h | *:--help) ;;
        help:help) words='%s' ;;
    %s
        help:*) words= ;;
    %s
      esac
      compopt +o default 2>/dev/null # words or nothing, no names of files
      # shellcheck disable=SC2207,SC2086 # words of letters, digits and dashes
      COMPREPLY=($(compgen -W "$words" -- "$word"))
    }
    complete -o default -F _nudge nudge\
    """
        .formatted(
            names,
            groups(
                verbs,
                "    %1$s) if [ \"$COMP_CWORD\" -eq 2 ]; then verb='' flag='' words='%2$s'; else"
                    + " verb=%1$s-${COMP_WORDS[2]}; fi ;;"),
            names,
            groups(verbs, "    help:%s) words='%s' ;;"),
            verbs.stream().flatMap(BashCompletion::cases).collect(joining("\n")));
  }

  /// Formats a line per group of verbs: its word, and the second words of its verbs.
  private static String groups(List<Verb<?>> verbs, String line) {
    return verbs.stream()
        .filter(Verb::inGroup)
        .collect(groupingBy(Verb::group, TreeMap::new, mapping(Verb::lastWord, joining(" "))))
        .entrySet()
        .stream()
        .map(group -> line.formatted(group.getKey(), group.getValue()))
        .collect(joining("\n"));
  }

  /// Returns the case branches of one verb: flags with equal values together, then the flag names.
  private static Stream<String> cases(Verb<?> verb) {
    List<CompletedFlag> flags = CompletedFlag.of(verb);
    Stream<String> values =
        flags.stream()
            .filter(flag -> flag.takes() != CompletedFlag.Takes.NOTHING)
            .collect(
                groupingBy(
                    BashCompletion::action,
                    TreeMap::new,
                    mapping(flag -> joined(verb) + ":" + flag.name(), joining(" | "))))
            .entrySet()
            .stream()
            .map(same -> "    " + same.getValue() + ") " + same.getKey() + " ;;");
    String all = flags.stream().map(CompletedFlag::name).collect(joining(" "));
    return Stream.concat(values, Stream.of("    " + joined(verb) + ":*) words='" + all + "' ;;"));
  }

  /// Joins the words of a verb by a dash.
  private static String joined(Verb<?> verb) {
    return verb.name().replace(' ', '-');
  }

  /// Returns the action of a branch; `return` leaves file or folder names to readline.
  private static String action(CompletedFlag flag) {
    return switch (flag.takes()) {
      case FILE -> "return";
      case FOLDER -> "compopt -o dirnames +o default 2>/dev/null; return";
      case CHOICE -> "words='" + String.join(" ", flag.choices()) + "'";
      case OTHER -> "words=";
      case NOTHING -> throw new IllegalArgumentException(flag + " takes no value");
    };
  }
}
