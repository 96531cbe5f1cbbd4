package dev.nudge.cli.ask;

import dev.nudge.cli.console.Console;
import dev.nudge.format.Json;
import dev.nudge.generate.Chat;
import dev.nudge.generate.Completion;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.Schema;
import dev.nudge.settings.verb.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Runs the slash commands of `nudge chat`.
///
/// @param answer answers a message and prints the answer; null: regenerates the last one
record ChatCommands(
    Chat chat, ChatLines lines, Console console, Consumer<@Nullable String> answer) {
  private static final String BASE = "base";
  private static final String NONE = "-";

  /// @return whether the conversation continues
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
    if (chat.adapter() == null) {
      console.note("the base model answers");
    }
  }

  private void use(@Nullable String name) {
    chat.use(name);
    console.note(name == null ? "the base model answers" : name + " answers");
  }

  private static String are(List<String> adapters) {
    return (adapters.size() == 1 ? "is " : "are ") + String.join(", ", adapters);
  }

  private String known(String name) {
    List<String> adapters = chat.adapters();
    if (!adapters.contains(name)) {
      String hint = Nearest.hint(name, adapters);
      boolean all = adapters.size() == 1 && !hint.isEmpty(); // the hint names it
      throw new InputException(
          "there is no adapter '%s'%s%s"
              .formatted(
                  name,
                  all ? "" : "; there " + (adapters.isEmpty() ? "is none" : are(adapters)),
                  hint));
    }
    return name;
  }

  /// Returns an adapter's name; null for the base.
  private @Nullable String named(String name) {
    return name.equals(BASE) && !chat.adapters().contains(BASE) ? null : known(name);
  }

  /// Answers the last message with two adapters, or with one and the base, side by side.
  private void compare(String arguments) {
    List<String> names = arguments.isEmpty() ? List.of() : List.of(arguments.split("\\s+"));
    if (names.size() > 2) {
      throw new InputException("/compare takes two names, or one and the base, or none");
    }
    String on = chat.adapter();
    String first = !names.isEmpty() ? named(names.getFirst()) : on != null ? on : only();
    String second = names.size() == 2 ? named(names.getLast()) : null;
    Completion one = chat.instead(first);
    if (Thread.interrupted()) {
      console.note("(stopped)");
      return;
    }
    Completion other = chat.instead(second);
    SideBySide.lines(
            first == null ? BASE : first,
            one.text(),
            second == null ? BASE : second,
            other.text(),
            lines.columns())
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
    if (text.isEmpty()) {
      String now = chat.system();
      console.note(
          now == null
              ? "nothing is told before the first message, but what the template says"
              : "the model is told: " + now + " (/system " + NONE + " takes it away)");
      return;
    }
    chat.system(text.equals(NONE) ? null : text);
    console.note("noted");
  }

  private void params(String arguments) {
    Map<String, Object> before = chat.samplingValues();
    if (arguments.isEmpty()) {
      before.forEach((key, value) -> console.note(shown(key, value)));
      return;
    }
    String[] words = arguments.split("[\\s=]+", 2);
    if (words.length < 2) {
      throw new InputException(
          "/params takes a key and a value, such as /params temperature 0.7; the value %s is that of the beginning"
              .formatted(NONE));
    }
    String key = words[0].replace('-', '_');
    if (!before.containsKey(key)) {
      throw new InputException(
          "there is no '%s' to set%s; /params shows what there is"
              .formatted(key, Nearest.hint(key, before.keySet())));
    }
    if (words[1].equals(NONE)) {
      chat.resetSampling(key);
    } else {
      chat.sampling(Schema.of(SamplingSettings.class).with(chat.sampling(), Map.of(key, words[1])));
    }
    console.note(shown(key, chat.samplingValues().get(key)));
  }

  private static String shown(String key, @Nullable Object value) {
    return "  %-20s %s".formatted(key, value == null ? NONE : value);
  }

  private void retry() {
    if (!chat.answered()) {
      throw new InputException("there is no answer yet to try again");
    }
    if (chat.sampling().temperature() == 0) {
      console.note(
          "the temperature is 0, which says the same each time; /params temperature 0.7 draws");
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
      if (chat.cut() > 0) {
        console.note(
            "%s stopped or cut, and would be trained as whole; take it out of the file, or give its message \"train\": false"
                .formatted(Count.of(chat.cut(), "answer", "was", "were")));
      }
    } catch (IOException | InvalidPathException e) {
      throw new InputException("/save %s: the file cannot be written".formatted(name), e);
    }
  }
}
