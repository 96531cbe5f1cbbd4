package dev.nudge.runs;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/// Filters runs by `key=value`. A key is a column of the list (`state`, `quantize`) or a setting
/// (`rank`, `learning_rate`; `-` and `_` are equal).
///
/// Numbers compare as numbers, so `2e-4` equals `0.0002`; a path also matches by its last name; a
/// list matches if it contains the value; `null` matches a setting that is not set.
public final class RunFilter {
  private RunFilter() {}

  /// Returns the runs that satisfy all conditions.
  ///
  /// @throws InputException if a condition is not `key=value`, or no run has the key
  public static List<RunSummary> of(List<RunSummary> runs, List<String> conditions) {
    List<RunSummary> left = runs;
    for (String condition : conditions) {
      int at = condition.indexOf('=');
      if (at < 1) {
        throw new InputException(
            "--where is '" + condition + "'; it must be key=value, such as state=finished");
      }
      String key = condition.substring(0, at).strip().replace('-', '_');
      String value = condition.substring(at + 1).strip();
      checkKnown(runs, key);
      left = left.stream().filter(run -> matches(node(run, key), value)).toList();
    }
    return left;
  }

  private static void checkKnown(List<RunSummary> runs, String key) {
    Set<String> known = new TreeSet<>();
    for (RunSummary run : runs) {
      known.addAll(run.values().keySet());
      known.addAll(run.settings().propertyNames());
    }
    if (!runs.isEmpty() && !known.contains(key)) {
      String near = Nearest.hint(key, known);
      throw new InputException(
          "--where names '"
              + key
              + "', which is no setting of these runs"
              + (near.isEmpty() ? "; nudge runs show lists a run's" : near));
    }
  }

  private static JsonNode node(RunSummary run, String key) {
    Object own = run.values().get(key);
    return own == null ? run.settings().path(key) : Json.tree(own);
  }

  private static boolean matches(JsonNode is, String wanted) {
    if (is.isArray()) {
      List<JsonNode> elements = new ArrayList<>();
      is.forEach(elements::add);
      return elements.stream().anyMatch(element -> matches(element, wanted))
          || (elements.isEmpty() && wanted.equals("null"));
    }
    if (is.isNumber()) {
      try {
        return is.asDouble() == Double.parseDouble(wanted);
      } catch (NumberFormatException e) {
        return false;
      }
    }
    if (is.isMissingNode() || is.isNull()) {
      return wanted.equals("null");
    }
    String text = is.asString();
    return text.equals(wanted) || (text.contains("/") && text.endsWith("/" + wanted));
  }

  /// Returns the runs sorted by a column.
  public static List<RunSummary> sorted(List<RunSummary> runs, RunColumn by, boolean reverse) {
    return runs.stream().sorted(by.order(reverse)).toList();
  }

  /// The last name of a path, for a narrow column.
  public static String lastName(String path) {
    Path name = Path.of(path).getFileName();
    return name == null ? path : name.toString();
  }
}
