package dev.nudge.cli.adapters;

import dev.nudge.calibrate.CalibratedFolder;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.QuantizeSettings;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge quantize`: writes a quantized copy of a model folder.
///
/// @param quantizer runs the quantization
public record QuantizeVerb(Quantizer quantizer) implements Verb<QuantizeSettings> {

  /// The library function that this verb calls.
  public interface Quantizer {
    /// Writes the quantized folder.
    ///
    /// @param warnings receives one line each
    /// @param cancelled polled between layers
    /// @return the written folder; null if cancelled
    QuantizedFolder.@Nullable Written run(
        QuantizeSettings settings,
        CalibratedFolder.Progress progress,
        Consumer<String> warnings,
        BooleanSupplier cancelled);
  }

  @Override
  public About<QuantizeSettings> about() {
    return new About<>(
        "quantize", "writes a model folder with weights in 4 or 8 bits", QuantizeSettings.class);
  }

  @Override
  public int run(QuantizeSettings settings, Console console) {
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      LiveLine line =
          new LiveLine(console.messages(), ProgressLine.style(console), System::nanoTime, "");
      QuantizedFolder.Written written =
          quantizer.run(
              settings, new LayerProgress(line, System::nanoTime), console::warn, signals::stopped);
      line.end();
      if (written == null) {
        if (settings.calibrated()) {
          console.note("layers that are done are kept; the same command goes on from there");
        }
        return signals.exitCode();
      }
      console.object(written);
      console.note(
          String.format(
              Locale.ROOT,
              "%s: %s in %s, %,.1f MB of weights instead of %,.1f, in %.1f s",
              written.out(),
              Count.of(written.layers(), "layer"),
              settings.method().name().toLowerCase(Locale.ROOT),
              written.bytes() / 1e6,
              written.sourceBytes() / 1e6,
              written.seconds()));
      QuantizedFolder.Calibration seen = written.calibration();
      if (seen != null) {
        console.note(
            String.format(
                Locale.ROOT,
                "calibrated on %s, %s; on the probe text %.4f nats a token from the source (KL),"
                    + " perplexity %.2f instead of %.2f",
                Count.of(seen.rows(), "row"),
                Count.of(seen.tokens(), "token"),
                seen.kl(),
                seen.quantizedPerplexity(),
                seen.perplexity()));
      }
      return ExitCode.DONE;
    }
  }
}
