package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import java.util.List;
import java.util.OptionalInt;

/// Restricts a list of targets to some layers: `layers_to_transform` and `layers_pattern` of PEFT.
///
/// The index of a module is the first number in its path after the name of a layer list: any name
/// if `patterns` is empty, else a name that a pattern (Python's syntax) matches.
///
/// @param indices the layers that are adapted, counted from 0
/// @param patterns names of the layer list, mostly none
public record LayerFilter(List<Integer> indices, List<String> patterns) {
  private static final String ANY = ".*?\\.[^.]*\\.(?P<idx>\\d+)\\.";

  public LayerFilter {
    indices = List.copyOf(indices);
    patterns = List.copyOf(patterns);
    if (indices.isEmpty() || indices.stream().anyMatch(i -> i < 0)) {
      throw new InputException(
          "layers_to_transform is %s; it takes layer numbers from 0".formatted(indices));
    }
    patterns.forEach(p -> PythonRegex.compile(expression(p)));
  }

  /// Tells whether the module at `path` is in one of the layers.
  public boolean contains(String path) {
    OptionalInt index = index(path);
    return index.isPresent() && indices.contains(index.getAsInt());
  }

  /// Returns the index of the layer of the module at `path`.
  public OptionalInt index(String path) {
    List<String> expressions =
        patterns.isEmpty() ? List.of(ANY) : patterns.stream().map(LayerFilter::expression).toList();
    for (String expression : expressions) {
      String digits = PythonRegex.group(expression, "idx", path);
      if (digits != null) {
        return number(digits);
      }
    }
    return OptionalInt.empty();
  }

  /// Returns the index of the layer by any layer list.
  public static OptionalInt of(String path) {
    return new LayerFilter(List.of(0), List.of()).index(path);
  }

  private static OptionalInt number(String digits) {
    return digits.length() > 9 ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(digits));
  }

  private static String expression(String pattern) {
    return "(?:^|.*?\\.)" + pattern + "\\.(?P<idx>\\d+)\\.";
  }
}
