package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.init.FreshFolder;
import dev.nudge.settings.verb.InitSettings;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// `nudge init`: creates a model folder with random weights and, from texts, a tokenizer.
///
/// @param maker creates the folder
public record InitVerb(Maker maker) implements Verb<InitSettings> {

  /// The library function that this verb calls.
  public interface Maker {
    /// Writes the model folder.
    ///
    /// @param cancelled polled between tensors; if true, nothing is left behind
    /// @return the written folder; null if cancelled
    FreshFolder.@Nullable Written run(InitSettings settings, BooleanSupplier cancelled);
  }

  @Override
  public About<InitSettings> about() {
    return new About<>(
        "init",
        "makes a model folder with random weights, and a tokenizer from text",
        InitSettings.class);
  }

  @Override
  public int run(InitSettings settings, Console console) {
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      FreshFolder.Written made = maker.run(settings, signals::stopped);
      if (made == null) {
        return signals.exitCode();
      }
      tell(settings, made, console);
      return ExitCode.DONE;
    }
  }

  private static void tell(InitSettings settings, FreshFolder.Written made, Console console) {
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
  }
}
