package dev.nudge.cli;

import dev.nudge.settings.InitSettings;
import java.util.Locale;
import java.util.function.Function;

/// `nudge init`: a model folder with random weights and, from texts, a tokenizer.
///
/// @param maker the library's making
record InitVerb(Function<InitSettings, Summary> maker) implements Verb<InitSettings> {

  /// What was written.
  ///
  /// @param vocabulary tokens, which `vocab_size` of the folder's config says
  /// @param merges of the tokenizer, 0 where there is none
  record Summary(
      String out, long parameters, long bytes, int vocabulary, int merges, double seconds) {}

  @Override
  public String name() {
    return "init";
  }

  @Override
  public String summary() {
    return "makes a model folder with random weights, and a tokenizer from text";
  }

  @Override
  public Class<InitSettings> settings() {
    return InitSettings.class;
  }

  @Override
  public int run(InitSettings settings, Console console) {
    Summary made = maker.apply(settings);
    console.object(made);
    console.note(
        String.format(
            Locale.ROOT,
            "%s: %,d parameters, %,.1f MB of weights, seed %d",
            made.out(),
            made.parameters(),
            made.bytes() / 1e6,
            settings.seed()));
    console.note(
        settings.tokenizerData().isEmpty()
            ? "no tokenizer; --tokenizer-data makes one"
            : String.format(
                Locale.ROOT,
                "tokenizer: %,d tokens, %,d merges; vocab_size of its config.json is %1$d",
                made.vocabulary(),
                made.merges()));
    return ExitCode.DONE;
  }
}
