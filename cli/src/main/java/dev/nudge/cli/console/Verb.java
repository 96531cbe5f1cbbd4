package dev.nudge.cli.console;

import dev.nudge.settings.Layer;
import dev.nudge.settings.Schema;
import org.jspecify.annotations.Nullable;

/// A verb of the command, with its settings and action.
///
/// Creating a verb must be cheap: `--help` creates all of them. [HelpGroup] defines its place in
/// the help, [Examples] has its examples.
///
/// @param <S> the settings record
public interface Verb<S extends Record> {

  /// The name, help and flags of a verb.
  ///
  /// @param name the word, or two words, that call it; `runs list` belongs to the group `runs`
  /// @param summary one sentence
  /// @param settings the record that defines the flags
  record About<S extends Record>(String name, String summary, Class<S> settings) {}

  /// Returns the verb's name, summary and flags.
  About<S> about();

  /// Returns the word, or two words, that call the verb.
  default String name() {
    return about().name();
  }

  /// Returns the group of the verb: the first of two words, or the single word.
  default String group() {
    return name().split(" ", 2)[0];
  }

  /// Whether the verb has two words.
  default boolean inGroup() {
    return name().contains(" ");
  }

  /// Returns the last word of the name.
  default String lastWord() {
    return name().substring(name().indexOf(' ') + 1);
  }

  /// Whether the verb takes `--config FILE`.
  default boolean takesFile() {
    return false;
  }

  /// Whether to ignore a key of the `--config` file that only another verb has.
  default boolean ignores(String key) {
    return false;
  }

  /// Returns the parts of a hub model that the verb needs.
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

  /// Returns the schema of the settings record.
  default Schema<S> schema() {
    return Schema.of(about().settings());
  }
}
