package dev.nudge.cli.console;

import dev.nudge.settings.Layer;
import dev.nudge.settings.Schema;
import org.jspecify.annotations.Nullable;

/// A verb of the command, with its settings and action.
///
/// Creating a verb must be cheap: `--help` creates all of them. [HelpGroup] has its place in the
/// help, [Examples] its examples.
///
/// @param <S> the settings record
public interface Verb<S extends Record> {

  /// What the help says of a verb, and which flags it takes.
  ///
  /// @param name the word, or two words, that call it; `runs list` belongs to the group `runs`
  /// @param summary one sentence
  /// @param settings the record that defines the flags
  record About<S extends Record>(String name, String summary, Class<S> settings) {}

  /// The verb's name, summary and flags.
  About<S> about();

  /// The word, or two words, that call the verb.
  default String name() {
    return about().name();
  }

  /// The group of the verb: the first of two words, or the single word.
  default String group() {
    return name().split(" ", 2)[0];
  }

  /// Whether the verb has two words.
  default boolean inGroup() {
    return name().contains(" ");
  }

  /// The last word of the name.
  default String lastWord() {
    return name().substring(name().indexOf(' ') + 1);
  }

  /// Whether the verb takes `--config FILE`.
  default boolean takesFile() {
    return false;
  }

  /// Whether a key of a file that another verb takes too says nothing to this one.
  default boolean ignores(String key) {
    return false;
  }

  /// What is needed of a model that is named on the hub.
  default HubNames.Part needs(S settings) {
    return HubNames.Part.WEIGHTS;
  }

  /// Default settings derived from the given ones; null: none.
  default @Nullable Layer before(Layer given) {
    return null;
  }

  /// Runs the verb.
  ///
  /// @return the exit code
  /// @throws Exception that [Failure] maps to one line and an exit code
  int run(S settings, Console console) throws Exception;

  /// The schema of the settings record.
  default Schema<S> schema() {
    return Schema.of(about().settings());
  }
}
