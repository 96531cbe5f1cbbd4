package dev.nudge.cli.ask;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.generate.Chat;
import dev.nudge.settings.Group;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.ChatSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge chat`: an interactive chat, or answers to piped lines.
///
/// @param opener loads the model
/// @param lines opens the input
/// @param history file of the lines typed at a terminal
public record ChatVerb(Opener opener, LinesOf lines, Path history)
    implements Verb<ChatVerb.Settings> {

  /// The library function that this verb calls.
  public interface Opener {
    /// Loads the model and starts a conversation.
    Chat open(ChatSettings settings, Consumer<String> warnings);
  }

  /// Opens the input lines.
  public interface LinesOf {
    /// @param chat completions offer its adapters and settings
    /// @param history file of earlier input; null: input is not stored
    /// @param interrupt called on Ctrl-C during an answer
    ChatLines open(Chat chat, @Nullable Path history, Runnable interrupt);
  }

  /// The flags of `nudge chat`.
  public record Settings(
      @Group("Model and machine") ChatSettings chat,
      @Group("Conversation")
          @Setting(
              help =
                  "keep nothing of what is typed (default: at a terminal, chat-history in the cache"
                      + " folder, mode 600, has it for the arrow keys)")
          boolean noHistory,
      @Setting(help = "delete what earlier chats kept of what was typed, and do nothing else")
          boolean forget) {}

  @Override
  public About<Settings> about() {
    return new About<>("chat", "a conversation with a model and its adapters", Settings.class);
  }

  /// With `--forget`, `--model` is not required.
  @Override
  public @Nullable Layer before(Layer given) {
    return given.values().containsKey("forget") ? Layer.of(Map.of("model", ".")) : null;
  }

  @Override
  public int run(Settings settings, Console console) throws IOException {
    if (settings.forget()) {
      console.result(
          Files.deleteIfExists(history) ? "deleted " + history : "there is no " + history);
      console.object(Map.of("history", history));
      return ExitCode.DONE;
    }
    Thread talking = Thread.currentThread();
    try (Chat chat = opener.open(settings.chat(), console::warn);
        ChatLines from =
            lines.open(chat, settings.noHistory() ? null : history, talking::interrupt)) {
      return new ChatLoop(chat, from, console).run();
    }
  }
}
