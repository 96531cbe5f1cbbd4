package dev.nudge.settings.train;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// How a new adapter is initialised.
///
/// @param kind the method
/// @param rounds of a randomised decomposition (`pissa-niter-N`); 0: until it is exact
public record AdapterInit(Kind kind, int rounds) {
  /// B is zero and A uniform, so the adapted model equals the base at first.
  public static final AdapterInit DEFAULT = new AdapterInit(Kind.DEFAULT, 0);

  private static final String ROUNDS = "pissa-niter-";

  /// The methods.
  public enum Kind {
    /// B is zero and A uniform.
    DEFAULT,

    /// B is zero and A normal with a standard deviation of 1/rank.
    GAUSSIAN,

    /// LoftQ: the best approximation, at the adapter's rank, of the quantisation error, so that the
    /// adapted model is closer to the unquantised base.
    LOFTQ,

    /// PiSSA: the largest singular directions of each weight, removed from the base.
    PISSA,

    /// OLoRA: the first columns and rows of a QR decomposition, removed from the base.
    OLORA,

    /// EVA: A holds the directions in which each layer's inputs vary most; ranks follow from that.
    EVA
  }

  public AdapterInit {
    if (rounds < 0 || (rounds > 0 && kind != Kind.PISSA)) {
      throw new IllegalArgumentException("rounds are those of pissa-niter-N");
    }
  }

  /// Parses a name; `zero` is the old name of `default`.
  ///
  /// @throws IllegalArgumentException with allowed names
  public static AdapterInit parse(String text) {
    if (text.equals("zero")) {
      return DEFAULT;
    }
    if (text.matches(ROUNDS + "[1-9]\\d{0,3}")) {
      return new AdapterInit(Kind.PISSA, Integer.parseInt(text.substring(ROUNDS.length())));
    }
    return Arrays.stream(Kind.values())
        .filter(kind -> name(kind).equals(text))
        .map(kind -> new AdapterInit(kind, 0))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    Arrays.stream(Kind.values())
                            .map(AdapterInit::name)
                            .collect(Collectors.joining(", "))
                        + " or pissa-niter-N"));
  }

  private static String name(Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /// The name in flags and messages.
  @Override
  public String toString() {
    return rounds > 0 ? ROUNDS + rounds : name(kind);
  }
}
