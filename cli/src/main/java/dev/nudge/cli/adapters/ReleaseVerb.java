package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.eval.release.Release;
import dev.nudge.eval.release.ReleaseSettings;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge release`: merges base and adapter for serving, if the result is as good on held-out rows.
///
/// @param releaser makes the release
public record ReleaseVerb(Releaser releaser) implements Verb<ReleaseSettings> {

  /// The library function that this verb calls.
  public interface Releaser {
    /// Makes a release.
    ///
    /// @return the outcome; null if cancelled
    Release.@Nullable Outcome run(
        ReleaseSettings settings,
        Consumer<String> notes,
        Consumer<String> warnings,
        BooleanSupplier cancelled);
  }

  @Override
  public About<ReleaseSettings> about() {
    return new About<>(
        "release",
        "makes the model to serve of base and adapter, where held-out rows lose nothing",
        ReleaseSettings.class);
  }

  @Override
  public int run(ReleaseSettings settings, Console console) {
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      Release.Outcome outcome =
          releaser.run(settings, console::note, console::warn, signals::stopped);
      if (outcome == null) {
        return signals.exitCode();
      }
      console.object(outcome.report());
      if (outcome.verdict() == Verdict.PASS) {
        console.note(outcome.line());
      } else {
        console.refuse(outcome.line());
      }
      return outcome.verdict().exitCode();
    }
  }
}
