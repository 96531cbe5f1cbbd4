package dev.nudge.cli;

import static java.util.stream.Collectors.joining;

import java.util.List;

/// Writes the completion of the command for zsh: `_arguments` with a line a flag.
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
            help)
              compadd -- %s ;;
        %s
          esac
        }
        if [ "$funcstack[1]" = _nudge ]; then _nudge "$@"; else compdef _nudge nudge; fi"""
        .formatted(
            verbs.stream()
                .map(verb -> "      " + quoted(verb.name() + ":" + verb.summary()))
                .collect(joining("\n")),
            verbs.stream().map(Verb::name).collect(joining(" ")),
            verbs.stream().map(ZshCompletion::branch).collect(joining("\n")));
  }

  private static String branch(Verb<?> verb) {
    return CompletedFlag.of(verb).stream()
        .map(flag -> " \\\n        " + quoted(spec(flag)))
        .collect(joining("", "    " + verb.name() + ")\n      _arguments", " ;;"));
  }

  /// `--flag=[help]:label:action`; `=` says that the value may also stand behind a space.
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

  private static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
