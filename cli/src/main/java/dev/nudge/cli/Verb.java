package dev.nudge.cli;

import dev.nudge.settings.Layer;
import dev.nudge.settings.Schema;
import org.jspecify.annotations.Nullable;

/// One verb of the command: its settings, and what it does with them.
///
/// Making a verb must stay cheap: `--help` makes all of them. [HelpGroup] says where it
/// stands there, and [Examples] has its examples.
///
/// @param <S> the record of its settings
interface Verb<S extends Record> {

  /// The word on the command line that calls the verb, or two of them: `runs list` is one of the
  /// group `runs`.
  String name();

  /// The group that the verb is in, the first of its two words; the whole word of any other.
  default String group() {
    return name().split(" ", 2)[0];
  }

  /// Tells whether two words call the verb.
  default boolean inGroup() {
    return name().contains(" ");
  }

  /// The word that calls the verb within its group.
  default String lastWord() {
    return name().substring(name().indexOf(' ') + 1);
  }

  /// Says what the verb does, in one sentence.
  String summary();

  /// The record of settings that the verb's flags come from.
  Class<S> settings();

  /// Tells whether the verb takes `--config FILE`.
  default boolean takesFile() {
    return false;
  }

  /// Settings that stand before those given, because of what was given; null: none.
  default @Nullable Layer before(Layer given) {
    return null;
  }

  /// Runs the verb.
  ///
  /// @return the exit code
  /// @throws Exception what [Failure] turns into one line and an exit code
  int run(S settings, Console console) throws Exception;

  /// Reads the flags' record.
  default Schema<S> schema() {
    return Schema.of(settings());
  }
}
