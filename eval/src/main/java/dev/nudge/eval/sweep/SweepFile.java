package dev.nudge.eval.sweep;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.TrainSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a sweep tries, as its file says:
///
///     base: {model: M, data: [rows.jsonl], eval_data: held.jsonl, steps: 400}
///     grid: {learning_rate: [1e-4, 3e-4], rank: [8, 16]}     # or list, or random
///     halving: {keep: 0.5, at: [100, 200]}                   # optional
///     metric: eval_loss                                      # or {task: T, metric: M}
///
/// @param place the file, for messages
/// @param base settings that all share
/// @param entries what is tried
/// @param halving null: every setting goes to its end
/// @param metric null: settings are ranked by held-out loss
public record SweepFile(
    String place,
    Map<String, @Nullable Object> base,
    List<Entry> entries,
    @Nullable Halving halving,
    @Nullable SweepMetric metric) {
  private static final List<String> AXES = List.of("grid", "list", "random");
  private static final List<String> KEYS =
      List.of("base", "grid", "list", "random", "halving", "metric");
  private static final List<String> OWN = List.of("out", "resume", "overwrite", "dry_run");

  /// A setting of the sweep.
  ///
  /// @param name of its folder
  /// @param values what it has of its own, by key
  public record Entry(String name, Map<String, @Nullable Object> values) {}

  /// Ends the worst settings early.
  ///
  /// @param keep share of the settings that go on
  /// @param at steps, ascending
  public record Halving(double keep, List<Integer> at) {
    /// How many of `n` go on.
    public int kept(int n) {
      return (int) Math.max(1, Math.ceil(keep * n - 1e-9));
    }
  }

  /// Reads the values of a file.
  ///
  /// @throws InputException in one line
  public static SweepFile of(String place, Map<String, ? extends @Nullable Object> document) {
    for (String key : document.keySet()) {
      if (!KEYS.contains(key)) {
        String hint = Nearest.hint(key, KEYS);
        throw wrong(
            place,
            "unknown key '%s'%s"
                .formatted(
                    key, hint.isEmpty() ? "; a sweep has " + Nearest.alternatives(KEYS) : hint));
      }
    }
    Map<String, @Nullable Object> base = map(place, "base", document.get("base"));
    checkKeys(place, "base", base);
    List<String> axes = AXES.stream().filter(key -> document.get(key) != null).toList();
    if (axes.size() != 1) {
      throw wrong(
          place,
          axes.isEmpty()
              ? "it names nothing to try; give one of grid, list and random"
              : String.join(" and ", axes) + " are given; give one of them");
    }
    String axis = axes.getFirst();
    Object tried = document.get(axis);
    List<Entry> entries =
        switch (axis) {
          case "grid" -> SweepAxes.grid(place, map(place, axis, tried));
          case "list" -> SweepAxes.list(place, tried);
          default -> SweepAxes.random(place, map(place, axis, tried));
        };
    SweepMetric metric = SweepMetric.of(place, document.get("metric"));
    Object halving = document.get("halving");
    return new SweepFile(
        place,
        base,
        named(place, entries),
        halving == null ? null : halving(place, map(place, "halving", halving)),
        metric);
  }

  static InputException wrong(String place, String line) {
    return new InputException(place + ": " + line);
  }

  /// A value of the file as a file may have it; text without quotes.
  static String shown(@Nullable Object value) {
    return value instanceof String text ? text : value == null ? "not given" : Json.line(value);
  }

  static Map<String, @Nullable Object> map(String place, String key, @Nullable Object value) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    if (value instanceof Map<?, ?> given && !given.isEmpty()) {
      given.forEach((name, one) -> values.put(String.valueOf(name), one));
      return values;
    }
    throw wrong(
        place,
        key
            + (value == null ? " is missing" : " is " + shown(value))
            + (key.equals("base")
                ? "; it holds the settings of train that all share, such as model and data"
                : "; it must hold keys with values"));
  }

  /// Refuses keys that are the sweep's.
  static void checkKeys(String place, String part, Map<String, ?> values) {
    for (String own : OWN) {
      if (values.containsKey(own)) {
        throw wrong(place, part + " has " + own + ", which is the sweep's; leave it out");
      }
    }
  }

  private static Halving halving(String place, Map<String, @Nullable Object> values) {
    for (String key : values.keySet()) {
      if (!key.equals("keep") && !key.equals("at")) {
        throw wrong(place, "halving has '" + key + "'; it has keep and at");
      }
    }
    if (!(values.get("keep") instanceof Number keep)
        || !(keep.doubleValue() > 0 && keep.doubleValue() < 1)) {
      throw wrong(
          place,
          "halving: keep is %s; it must be a share above 0 and below 1, such as 0.5"
              .formatted(shown(values.get("keep"))));
    }
    List<Integer> at = new ArrayList<>();
    if (values.get("at") instanceof List<?> steps) {
      for (Object step : steps) {
        boolean ascending = at.isEmpty() || step instanceof Integer s && s > at.getLast();
        if (step instanceof Integer s && s > 0 && ascending) {
          at.add(s);
        } else {
          at.clear();
          break;
        }
      }
    }
    if (at.isEmpty()) {
      throw wrong(
          place,
          "halving: at is %s; it must be a list of ascending steps, such as [100, 200]"
              .formatted(shown(values.get("at"))));
    }
    return new Halving(keep.doubleValue(), List.copyOf(at));
  }

  /// Makes the names different, and refuses settings that are the same.
  private static List<Entry> named(String place, List<Entry> entries) {
    Map<Map<String, @Nullable Object>, String> known = new HashMap<>();
    Set<String> names = new HashSet<>();
    List<Entry> named = new ArrayList<>();
    for (Entry entry : entries) {
      String name = entry.name();
      for (int i = 2; !names.add(name); i++) {
        name = entry.name() + "-" + i;
      }
      String same = known.putIfAbsent(entry.values(), name);
      if (same != null) {
        throw wrong(place, same + " is there twice; leave one out");
      }
      named.add(new Entry(name, entry.values()));
    }
    return named;
  }

  /// The settings of the run of an entry.
  ///
  /// @param out folder of the sweep
  /// @throws InputException naming the entry
  public TrainSettings settings(Entry entry, Path out) {
    try {
      return Schema.of(TrainSettings.class)
          .read(
              List.of(
                  Layer.of(place, base),
                  Layer.of(place, entry.values()),
                  Layer.of(Map.of("out", out.resolve(entry.name())))));
    } catch (InputException e) {
      throw refused(entry.name(), e);
    }
  }

  /// The error of a setting, with its name.
  static InputException refused(String setting, InputException e) {
    String why = String.valueOf(e.getMessage());
    String instead =
        why.contains("--overwrite")
            ? " (of a sweep: remove that folder, and --resume trains the setting anew)"
            : "";
    InputException refused =
        new InputException("setting " + setting + ": " + why + instead, e.details());
    refused.initCause(e);
    return refused;
  }
}
