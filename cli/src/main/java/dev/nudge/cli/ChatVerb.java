package dev.nudge.cli;

import dev.nudge.generate.Chat;
import dev.nudge.settings.ChatSettings;
import java.util.function.Consumer;

/// `nudge chat`: a conversation at the terminal, or answers to the lines of a pipe.
///
/// @param opener the library's
/// @param lines who talks
record ChatVerb(Opener opener, LinesOf lines) implements Verb<ChatSettings> {

  /// What the command wants of the library.
  interface Opener {
    /// Loads the model and begins a conversation.
    Chat open(ChatSettings settings, Consumer<String> warnings);
  }

  /// Opens where lines come from.
  interface LinesOf {
    /// @param chat whose adapters and settings commands name
    /// @param interrupt done at Ctrl-C while an answer comes
    ChatLines open(Chat chat, Runnable interrupt);
  }

  @Override
  public String name() {
    return "chat";
  }

  @Override
  public String summary() {
    return "a conversation with a model and its adapters";
  }

  @Override
  public Class<ChatSettings> settings() {
    return ChatSettings.class;
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
