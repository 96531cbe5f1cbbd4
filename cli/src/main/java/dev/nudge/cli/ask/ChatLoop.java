package dev.nudge.cli.ask;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.generate.Chat;
import dev.nudge.generate.Completion;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The chat loop: sends messages to the model, and slash commands to [ChatCommands].
final class ChatLoop {
  private final Chat chat;
  private final ChatLines lines;
  private final Console console;
  private final ChatCommands commands;
  private final List<Completion> answers = new ArrayList<>();

  ChatLoop(Chat chat, ChatLines lines, Console console) {
    this.chat = chat;
    this.lines = lines;
    this.console = console;
    this.commands = new ChatCommands(chat, lines, console, this::answer);
  }

  /// Runs until the end of input.
  ///
  /// @return the exit code
  int run() {
    if (lines.person()) {
      console.note(chat.about() + "; /help says what else there is, Ctrl-D ends");
    }
    while (true) {
      String text;
      try {
        text = lines.next(prompt());
      } catch (ChatLines.Interrupted e) {
        continue;
      }
      if (text == null || !take(text)) {
        break;
      }
    }
    console.object(Map.of("answers", answers));
    return ExitCode.DONE;
  }

  private boolean slash; // has warned that `/` has no effect

  /// Warns once that slash commands have no effect in piped input.
  private void checkSlash(String text) {
    if (!lines.person() && !slash && text.startsWith("/")) {
      slash = true;
      console.warn(
          "a line that begins with a slash is a message here: commands are for a terminal");
    }
  }

  private String prompt() {
    String adapter = chat.adapter();
    return (adapter == null ? "" : adapter) + "> ";
  }

  /// @return whether the chat continues
  private boolean take(String text) {
    if (text.isBlank()) {
      return true;
    }
    try {
      if (lines.person() && text.startsWith("/")) {
        String[] words = text.substring(1).strip().split("\\s+", 2);
        Optional<ChatCommand> command = ChatCommand.of(words[0]);
        if (command.isEmpty()) {
          console.note(
              "there is no /%s; /help lists what there is, and a blank before the slash says it to the model"
                  .formatted(words[0]));
          return true;
        }
        return commands.run(command.get(), words.length > 1 ? words[1].strip() : "");
      }
      checkSlash(text);
      answer(lines.person() ? text.strip() : text);
    } catch (InputException e) {
      if (!lines.person() && answers.isEmpty()) {
        throw e;
      }
      if (!lines.person()) { // print the answers so far
        console.object(Map.of("answers", answers));
        throw new RunException(
            "%s answered, the next line is not: %s"
                .formatted(Count.of(answers.size(), "line", "is", "are"), e.getMessage()),
            e);
      }
      console.note(String.valueOf(e.getMessage()));
    }
    return true;
  }

  private String cut(Completion answer) {
    if (answer.stop() != Completion.Stop.LENGTH) {
      return "";
    }
    return answer.tokens() >= chat.sampling().maxTokens()
        ? ", cut at --max-tokens"
        : ", cut: the conversation fills --max-length; /new begins another";
  }

  /// Answers a message, or regenerates the last answer, and prints it as it streams.
  ///
  /// @param text null: regenerate
  private void answer(@Nullable String text) {
    long start = System.nanoTime();
    Completion answer =
        chat.answer(
            text,
            piece -> {
              if (!console.json()) {
                console.results().text(piece);
              }
            });
    boolean stopped = Thread.interrupted();
    console.result("");
    answers.add(answer);
    if (lines.person()) {
      double seconds = (System.nanoTime() - start) / 1e9;
      console.note(
          String.format(
              Locale.ROOT,
              "(%s, %.1f tok/s%s)",
              Count.of(answer.tokens(), "token"),
              answer.tokens() / Math.max(seconds, 1e-9),
              stopped ? ", stopped" : cut(answer)));
    }
  }
}
