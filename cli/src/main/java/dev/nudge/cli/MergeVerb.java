package dev.nudge.cli;

import dev.nudge.settings.MergeSettings;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge merge`: base + adapters → a model folder that stands for itself, checked after writing.
///
/// @param merger the library's merging
record MergeVerb(Merger merger) implements Verb<MergeSettings> {

  /// What the command wants of the library.
  interface Merger {
    /// Merges and compares.
    ///
    /// @param cancelled asked between layers; once true, nothing is left behind
    /// @return what came of it; null where it was cancelled
    @Nullable Summary run(
        MergeSettings settings, Consumer<String> warnings, BooleanSupplier cancelled);
  }

  /// One adapter with the factor on its scale.
  record Part(String adapter, double scale) {}

  /// What came of it.
  ///
  /// @param accepted whether the folder is in its place
  /// @param layers linear layers whose weights were made anew
  /// @param bytes of the tensors that were written
  /// @param tokens of the probe text
  /// @param maxLogitDifference of merged from base + adapter, over tokens and vocabulary
  /// @param kl mean over tokens, nats
  /// @param perplexity of base + adapter on the probe text
  record Summary(
      boolean accepted,
      String out,
      List<Part> adapters,
      int layers,
      long bytes,
      int tokens,
      double maxLogitDifference,
      double meanLogitDifference,
      double kl,
      double perplexity,
      double mergedPerplexity,
      double tolerance,
      double seconds) {}

  @Override
  public String name() {
    return "merge";
  }

  @Override
  public String summary() {
    return "makes a model folder of base and adapter, and checks it";
  }

  @Override
  public Class<MergeSettings> settings() {
    return MergeSettings.class;
  }

  @Override
  public int run(MergeSettings settings, Console console) {
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      Summary s = merger.run(settings, console::warn, signals::stopped);
      if (s == null) {
        return signals.exitCode();
      }
      if (!s.accepted()) {
        console.refuse(
            "the merged weights are %s nats a token (mean KL) from base + adapter on the probe text, above --tolerance %s, so %s is not written; %s"
                .formatted(number(s.kl()), number(s.tolerance()), s.out(), difference(s)));
        return ExitCode.REFUSED;
      }
      console.object(s);
      console.note(
          String.format(
              Locale.ROOT,
              "%s: %,d layers merged, %,.1f MB of weights, in %.1f s",
              s.out(),
              s.layers(),
              s.bytes() / 1e6,
              s.seconds()));
      console.note(
          String.format(
              Locale.ROOT,
              "read again and compared with base + adapter on %,d tokens: mean KL %s nats (at most %s); %s",
              s.tokens(),
              number(s.kl()),
              number(s.tolerance()),
              difference(s)));
      return ExitCode.DONE;
    }
  }

  private static String difference(Summary s) {
    return String.format(
        Locale.ROOT,
        "logits differ by at most %s, on average %s; perplexity %.4f → %.4f",
        number(s.maxLogitDifference()),
        number(s.meanLogitDifference()),
        s.perplexity(),
        s.mergedPerplexity());
  }

  /// Writes 0.01 as 0.01 and 0.0000312 as 3.1e-05.
  static String number(double value) {
    return value == 0 || Math.abs(value) >= 1e-3
        ? String.format(Locale.ROOT, "%.4g", value)
            .replaceFirst("(\\.\\d*?)0+$", "$1")
            .replaceFirst("\\.$", "")
        : String.format(Locale.ROOT, "%.1e", value);
  }
}
