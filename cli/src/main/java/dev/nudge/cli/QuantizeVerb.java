package dev.nudge.cli;

import dev.nudge.model.QuantizedFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.QuantizeSettings;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// `nudge quantize`: writes a quantized copy of a model folder.
///
/// @param quantizer runs the quantization
record QuantizeVerb(Quantizer quantizer) implements Verb<QuantizeSettings> {

  /// The library function that this verb calls.
  interface Quantizer {
    /// Writes the quantized folder.
    ///
    /// @param cancelled polled between layers; if true, nothing is left behind
    /// @return the written folder; null if cancelled
    QuantizedFolder.@Nullable Written run(QuantizeSettings settings, BooleanSupplier cancelled);
  }

  @Override
  public String name() {
    return "quantize";
  }

  @Override
  public String summary() {
    return "writes a model folder with 4-bit weights";
  }

  @Override
  public Class<QuantizeSettings> settings() {
    return QuantizeSettings.class;
  }

  @Override
  public int run(QuantizeSettings settings, Console console) {
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      QuantizedFolder.Written written = quantizer.run(settings, signals::stopped);
      if (written == null) {
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
      return ExitCode.DONE;
    }
  }
}
