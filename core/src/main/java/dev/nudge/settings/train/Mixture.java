package dev.nudge.settings.train;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.SettingType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A data mixture: how much of each source an epoch takes.
///
/// @param parts amounts by the source's name in `--data`
public record Mixture(Map<String, Amount> parts) {

  /// The amount of one source.
  public sealed interface Amount {
    /// A multiple of all its rows.
    record Times(double times) implements Amount {}

    /// A share of the epoch.
    record Share(double share) implements Amount {}

    /// A number of rows.
    record Rows(int rows) implements Amount {}
  }

  private static final Pattern FORM = Pattern.compile("(\\d+\\.?\\d*|\\.\\d+)([%x]?)");

  /// Reads `chat.jsonl=30%`, `math.jsonl=2x`, `code.jsonl=500`.
  ///
  /// @throws InputException if one is invalid
  static Mixture parse(List<String> given) {
    Map<String, Amount> parts = new LinkedHashMap<>();
    double shares = 0;
    for (String one : given) {
      int at = one.lastIndexOf('=');
      if (at < 1) {
        throw wrong(one);
      }
      Amount amount = amount(one, one.substring(at + 1).strip());
      shares += amount instanceof Amount.Share share ? share.share() : 0;
      if (parts.put(one.substring(0, at), amount) != null) {
        throw new InputException(
            "--mixture gives " + one.substring(0, at) + " twice; leave one out");
      }
    }
    if (shares > 1 + 1e-9) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "--mixture: the shares are %.4g %% together; they must be at most 100 %%",
              100 * shares));
    }
    return new Mixture(parts);
  }

  private static Amount amount(String one, String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw wrong(one);
    }
    double number = Double.parseDouble(form.group(1));
    boolean whole = number == Math.rint(number) && number <= Integer.MAX_VALUE;
    Amount amount =
        switch (form.group(2)) {
          case "x" -> new Amount.Times(number);
          case "%" -> new Amount.Share(number / 100);
          default ->
              number < 1 ? new Amount.Share(number) : new Amount.Rows(whole ? (int) number : 0);
        };
    boolean nothing =
        number == 0
            || amount instanceof Amount.Rows rows && rows.rows() == 0
            || amount instanceof Amount.Share share && share.share() > 1;
    if (nothing) {
      throw wrong(one);
    }
    return amount;
  }

  private static InputException wrong(String one) {
    return new InputException(
        "--mixture is %s; it must be a source of --data and how much of it an epoch takes: chat.jsonl=30%% (of the epoch), chat.jsonl=2x (all its rows twice) or chat.jsonl=500 (rows)"
            .formatted(SettingType.shown(one)));
  }

  /// Refuses a source not in the data.
  void check(List<String> sources) {
    for (String name : parts.keySet()) {
      if (!sources.contains(name)) {
        throw new InputException(
            "--mixture names %s, which --data does not; there %s %s"
                .formatted(
                    name, sources.size() == 1 ? "is" : "are", Nearest.joined(sources, "and")));
      }
    }
  }
}
