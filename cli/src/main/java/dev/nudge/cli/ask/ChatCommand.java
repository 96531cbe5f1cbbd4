package dev.nudge.cli.ask;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// A slash command of `nudge chat`.
enum ChatCommand {
  ADAPTER("[NAME]", "answers come from this adapter; without a name: which there are"),
  OFF("", "answers come from the base model alone"),
  COMPARE("[NAME NAME]", "answers the last message with two adapters, or with one and the base"),
  SYSTEM("[TEXT]", "what the model is told before the first message; - takes it away"),
  PARAMS("[KEY VALUE]", "how answers are sampled; with a value: changes it, - undoes that"),
  RETRY("", "answers the last message again, with another seed"),
  NEW("", "begins another conversation"),
  SAVE("FILE", "writes the conversation as a row of messages, ready for train --data"),
  HELP("", "this list"),
  QUIT("", "ends, as Ctrl-D does");

  private final String arguments;
  private final String what;

  ChatCommand(String arguments, String what) {
    this.arguments = arguments;
    this.what = what;
  }

  /// Returns the word after the slash.
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Optional<ChatCommand> of(String word) {
    return Arrays.stream(values()).filter(c -> c.word().equals(word)).findFirst();
  }

  /// Returns one help line per command.
  static List<String> help() {
    return Arrays.stream(values())
        .map(c -> "  %-22s %s".formatted("/" + (c.word() + " " + c.arguments).strip(), c.what))
        .toList();
  }
}
