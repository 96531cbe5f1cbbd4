package dev.nudge.cli;

import dev.nudge.generate.Chat;
import dev.nudge.settings.ChatSettings;
import java.util.function.Consumer;

/// `nudge chat`: an interactive chat, or answers to piped lines.
///
/// @param opener loads the model
/// @param lines opens the input
record ChatVerb(Opener opener, LinesOf lines) implements Verb<ChatSettings> {

  /// The library function that this verb calls.
  interface Opener {
    /// Loads the model and starts a conversation.
    Chat open(ChatSettings settings, Consumer<String> warnings);
  }

  /// Opens the input lines.
  interface LinesOf {
    /// @param chat whose adapters and settings commands complete
    /// @param interrupt called on Ctrl-C during an answer
    ChatLines open(Chat chat, Runnable interrupt);
  }

  @Override
  public About<ChatSettings> about() {
    return new About<>("chat", "a conversation with a model and its adapters", ChatSettings.class);
  }

  @Override
  public int run(ChatSettings settings, Console console) {
    Thread talking = Thread.currentThread();
    try (Chat chat = opener.open(settings, console::warn);
        ChatLines from = lines.open(chat, talking::interrupt)) {
      return new ChatLoop(chat, from, console).run();
    }
  }
}
