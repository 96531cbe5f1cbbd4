package dev.nudge.settings.verb;

import dev.nudge.settings.InputException;
import dev.nudge.settings.SettingType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Parses the token ids of settings: `5`, or with a value `5=-1.5`.
final class TokenIds {
  private static final double MOST_BIAS = 100; // as OpenAI

  private TokenIds() {}

  /// @param given the value as the user wrote it, of which `text` is a part
  static int of(String flag, String text, String given) {
    try {
      int id = Integer.parseInt(text);
      if (id >= 0 && Character.isDigit(text.charAt(0))) {
        return id;
      }
    } catch (NumberFormatException e) {
      // told below, like a negative one
    }
    throw new InputException(
        flag
            + " is "
            + SettingType.shown(given)
            + "; a token id must be a whole number, at least 0");
  }

  /// @param entries `ID=VALUE` each
  static Map<Integer, Double> biases(List<String> entries) {
    Map<Integer, Double> biases = new LinkedHashMap<>();
    for (String entry : entries) {
      int at = entry.indexOf('=');
      Double value = at < 0 ? null : SettingType.decimal(entry.substring(at + 1));
      if (value == null || !(Math.abs(value) <= MOST_BIAS)) {
        throw new InputException(
            "--logit-bias is "
                + SettingType.shown(entry)
                + "; it must be ID=VALUE with a value from -100 to 100");
      }
      int id = of("--logit-bias", entry.substring(0, at), entry);
      if (biases.put(id, value) != null) {
        throw new InputException("--logit-bias has token " + id + " twice; give it once");
      }
    }
    return biases;
  }

  static void check(String flag, int id, int vocabulary) {
    if (id >= vocabulary) {
      throw new InputException(
          flag + " names token " + id + "; the model has tokens 0 to " + (vocabulary - 1));
    }
  }
}
