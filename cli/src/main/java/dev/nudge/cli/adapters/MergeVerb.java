package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.merge.Merged;
import dev.nudge.merge.ModelDifference;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.MergeSettings;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge merge`: merges base + adapters into a standalone model folder, verified after writing.
///
/// @param merger runs the merge
public record MergeVerb(Merger merger) implements Verb<MergeSettings> {

  /// The library function that this verb calls.
  public interface Merger {
    /// Merges and verifies.
    ///
    /// @param cancelled polled between layers; if true, nothing is left behind
    /// @return the result; null if cancelled
    @Nullable Merged run(
        MergeSettings settings, Consumer<String> warnings, BooleanSupplier cancelled);
  }

  @Override
  public About<MergeSettings> about() {
    return new About<>(
        "merge", "makes a model folder of base and adapter, and checks it", MergeSettings.class);
  }

  @Override
  public int run(MergeSettings settings, Console console) {
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      Merged merged = merger.run(settings, console::warn, signals::stopped);
      if (merged == null) {
        return signals.exitCode();
      }
      ModelDifference d = merged.difference();
      if (!merged.accepted()) {
        console.refuse(
            "the merged weights are %s nats a token (mean KL) from base + adapter on the probe text, above --tolerance %s, so %s is not written; %s"
                .formatted(number(d.kl()), number(merged.tolerance()), merged.out(), shown(d)));
        return ExitCode.REFUSED;
      }
      console.object(merged);
      console.note(
          String.format(
              Locale.ROOT,
              "%s: %s merged, %,.1f MB of weights, in %.1f s",
              merged.out(),
              Count.of(merged.layers(), "layer"),
              merged.bytes() / 1e6,
              merged.seconds()));
      console.note(
          String.format(
              Locale.ROOT,
              "read again and compared with base + adapter on %,d tokens: mean KL %s nats (at most"
                  + " %s); %s",
              d.tokens(),
              number(d.kl()),
              number(merged.tolerance()),
              shown(d)));
      return ExitCode.DONE;
    }
  }

  private static String shown(ModelDifference d) {
    return String.format(
        Locale.ROOT,
        "logits differ by at most %s, on average %s; perplexity %.4f → %.4f",
        number(d.maxLogitDifference()),
        number(d.meanLogitDifference()),
        d.perplexity(),
        d.mergedPerplexity());
  }

  /// Formats 0.01 as 0.01 and 0.0000312 as 3.1e-05.
  public static String number(double value) {
    return value == 0 || Math.abs(value) >= 1e-3
        ? String.format(Locale.ROOT, "%.4g", value)
            .replaceFirst("(\\.\\d*?)0+$", "$1")
            .replaceFirst("\\.$", "")
        : String.format(Locale.ROOT, "%.1e", value);
  }
}
