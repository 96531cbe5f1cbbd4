package dev.nudge.cli;

import dev.nudge.format.Json;
import dev.nudge.generate.Chat;
import dev.nudge.generate.Completion;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Does what a person tells `chat` beside the conversation.
///
/// @param answer answers a message and shows the answer; null: the last one again
record ChatCommands(
    Chat chat, ChatLines lines, Console console, Consumer<@Nullable String> answer) {

  /// @return whether the conversation goes on
  boolean run(ChatCommand command, String arguments) {
    switch (command) {
      case ADAPTER -> adapter(arguments);
      case OFF -> use(null);
      case COMPARE -> compare(arguments);
      case SYSTEM -> system(arguments);
      case PARAMS -> params(arguments);
      case RETRY -> retry();
      case NEW -> {
        chat.begin();
        console.note("another conversation begins");
      }
      case SAVE -> save(arguments);
      case HELP -> ChatCommand.help().forEach(console::note);
      case QUIT -> {
        return false;
      }
    }
    return true;
  }

  private void adapter(String name) {
    if (!name.isEmpty()) {
      use(known(name));
      return;
    }
    if (chat.adapters().isEmpty()) {
      console.note("there is no adapter; begin with --adapter NAME=FOLDER");
      return;
    }
    for (String one : chat.adapters()) {
      console.note((one.equals(chat.adapter()) ? "* " : "  ") + one);
    }
  }

  private void use(@Nullable String name) {
    chat.use(name);
    console.note(name == null ? "the base model answers" : name + " answers");
  }

  private String known(String name) {
    if (!chat.adapters().contains(name)) {
      throw new InputException(
          "there is no adapter '%s'; there are %s%s"
              .formatted(name, chat.adapters(), Nearest.hint(name, chat.adapters())));
    }
    return name;
  }

  /// Two adapters, or one and the base: the last message is asked of both.
  private void compare(String arguments) {
    List<String> names = arguments.isEmpty() ? List.of() : List.of(arguments.split("\\s+"));
    if (names.size() > 2) {
      throw new InputException("/compare takes two names, or one and the base, or none");
    }
    names.forEach(this::known);
    String on = chat.adapter();
    String first = !names.isEmpty() ? names.getFirst() : on != null ? on : only();
    String second = names.size() == 2 ? names.getLast() : null;
    Completion one = chat.instead(first);
    if (Thread.interrupted()) {
      console.note("(stopped)");
      return;
    }
    Completion other = chat.instead(second);
    SideBySide.lines(
            first, one.text(), second == null ? "base" : second, other.text(), lines.columns())
        .forEach(console::result);
    if (Thread.interrupted()) {
      console.note("(stopped)");
    }
  }

  private String only() {
    if (chat.adapters().isEmpty()) {
      throw new InputException("there is no adapter to compare; begin with --adapter NAME=FOLDER");
    }
    return chat.adapters().getFirst();
  }

  private void system(String text) {
    chat.system(text.isEmpty() ? null : text);
    console.note(text.isEmpty() ? "nothing stands before the first message" : "noted");
  }

  private void params(String arguments) {
    if (!arguments.isEmpty()) {
      String[] words = arguments.split("[\\s=]+", 2);
      if (words.length < 2) {
        throw new InputException(
            "/params takes a key and a value, such as /params temperature 0.7");
      }
      chat.sampling(chat.sampling().with(words[0].replace('-', '_'), words[1]));
    }
    Map<String, Object> all = chat.samplingValues();
    all.forEach((key, value) -> console.note("  %-20s %s".formatted(key, value)));
  }

  private void retry() {
    if (!chat.answered()) {
      throw new InputException("there is no answer yet to try again");
    }
    answer.accept(null);
  }

  private void save(String name) {
    if (name.isEmpty()) {
      throw new InputException("/save takes a file, such as /save talk.jsonl");
    }
    try {
      Path file = Path.of(name);
      Files.writeString(
          file,
          Json.line(Map.of("messages", chat.messages())) + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
      console.note("added to " + file);
    } catch (IOException | InvalidPathException e) {
      throw new InputException("/save %s: the file cannot be written".formatted(name), e);
    }
  }
}
