package dev.nudge.spark;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The flags of a command that only spark-submit has, and the remaining arguments.
///
/// @param own values by flag
/// @param rest the other arguments
record OwnFlags(Map<String, String> own, List<String> rest) {
  /// Splits arguments.
  ///
  /// @param names names of own flags, each with a value
  /// @throws InputException if one is given twice
  static OwnFlags of(List<String> names, List<String> args) {
    Map<String, String> own = new TreeMap<>();
    List<String> rest = new ArrayList<>();
    for (int i = 0; i < args.size(); i++) {
      String[] parts = args.get(i).split("=", 2);
      if (!names.contains(parts[0])) {
        rest.add(args.get(i));
        continue;
      }
      String value = parts.length == 2 ? parts[1] : ++i < args.size() ? args.get(i) : "";
      if (own.put(parts[0], value) != null) {
        throw new InputException(parts[0] + " is given twice");
      }
    }
    return new OwnFlags(own, rest);
  }

  boolean has(String flag) {
    return own.containsKey(flag);
  }

  /// Whether a flag is among the other arguments.
  boolean passes(String flag) {
    return rest.stream().anyMatch(one -> one.equals(flag) || one.startsWith(flag + "="));
  }

  /// Returns the file of `--data`, if that is an own flag.
  List<String> files() {
    String file = text("--data");
    return file == null ? List.of() : List.of(file);
  }

  /// Returns the text of a flag; null: not given.
  @Nullable String text(String flag) {
    String text = own.get(flag);
    if (text != null && text.isBlank()) {
      throw new InputException(flag + " has no value");
    }
    return text;
  }

  int number(String flag, int usual) {
    String text = own.getOrDefault(flag, Integer.toString(usual));
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new InputException(flag + " is '" + text + "'; it must be a whole number", e);
    }
  }

  /// Returns a number of at least 1; 0: not given.
  int count(String flag) {
    Integer count = has(flag) ? number(flag, 0) : null;
    Check.atLeast(flag, count, 1);
    return count == null ? 0 : count;
  }
}
