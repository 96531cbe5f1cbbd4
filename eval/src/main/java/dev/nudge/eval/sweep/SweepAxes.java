package dev.nudge.eval.sweep;

import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.settings.InputException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The settings that a grid, a list or a random search stands for.
final class SweepAxes {
  private static final Set<String> FILES =
      Set.of(Leaderboard.JSON, Leaderboard.MARKDOWN, Leaderboard.SVG, SweepState.FILE);
  private static final int LONGEST = 100; // characters of a name
  private static final int DIGITS = 4; // of a drawn number
  private static final int TRIES = 100; // draws for each that is wanted

  private SweepAxes() {}

  /// All combinations, the last axis first.
  static List<Entry> grid(String place, Map<String, @Nullable Object> axes) {
    SweepFile.checkKeys(place, "grid", axes);
    List<Map<String, @Nullable Object>> all = List.of(Map.of());
    for (Map.Entry<String, @Nullable Object> axis : axes.entrySet()) {
      List<Map<String, @Nullable Object>> longer = new ArrayList<>();
      for (Map<String, @Nullable Object> one : all) {
        for (Object value : values(place, "grid", axis)) {
          Map<String, @Nullable Object> more = new LinkedHashMap<>(one);
          more.put(axis.getKey(), value);
          longer.add(more);
        }
      }
      all = longer;
    }
    return all.stream().map(values -> new Entry(name(values), values)).toList();
  }

  private static List<?> values(
      String place, String part, Map.Entry<String, @Nullable Object> axis) {
    if (axis.getValue() instanceof List<?> values && !values.isEmpty()) {
      return values;
    }
    throw SweepFile.wrong(
        place,
        "%s: %s is %s; it must be a list of values"
            .formatted(part, axis.getKey(), SweepFile.shown(axis.getValue())));
  }

  /// Settings one by one; `name` is the name of one's folder.
  static List<Entry> list(String place, @Nullable Object given) {
    List<Entry> entries = new ArrayList<>();
    if (!(given instanceof List<?> all) || all.isEmpty()) {
      throw SweepFile.wrong(
          place,
          "list is "
              + SweepFile.shown(given)
              + "; it must be a list of settings, such as [{rank: 8}]");
    }
    for (Object one : all) {
      Map<String, @Nullable Object> values =
          one instanceof Map<?, ?> own && own.isEmpty()
              ? new LinkedHashMap<>()
              : SweepFile.map(place, "an entry of list", one);
      SweepFile.checkKeys(place, "list", values);
      Object name = values.remove("name");
      if (name != null && FILES.contains(name.toString())) {
        throw SweepFile.wrong(
            place,
            "list: name is '%s', which is a file of the sweep; give another".formatted(name));
      }
      if (name != null
          && (name.toString().isEmpty() || !safe(name.toString()).equals(name.toString()))) {
        throw SweepFile.wrong(
            place,
            "list: name is '%s'; it must be letters, digits, '.', '_', '=', '-' and not begin with '.'"
                .formatted(name));
      }
      entries.add(
          new Entry(
              name != null ? name.toString() : values.isEmpty() ? "base" : name(values), values));
    }
    return entries;
  }

  /// Draws settings: of a list one of its values, of `{log: [a, b]}` and `{uniform: [a, b]}` a
  /// number between a and b, rounded to four digits.
  static List<Entry> random(String place, Map<String, @Nullable Object> axes) {
    SweepFile.checkKeys(place, "random", axes);
    int count = whole(place, "count", axes.remove("count"), 1);
    Object seed = axes.remove("seed");
    Random random = new Random(seed == null ? 0 : whole(place, "seed", seed, 0));
    if (axes.isEmpty()) {
      throw SweepFile.wrong(
          place, "random has no axis; give one, such as learning_rate: {log: [1e-5, 1e-3]}");
    }
    Set<Map<String, @Nullable Object>> drawn = new HashSet<>();
    List<Entry> entries = new ArrayList<>();
    for (int tries = 0; entries.size() < count; tries++) {
      if (tries == count * TRIES) {
        throw SweepFile.wrong(
            place,
            "random: count is %d, and there are only %d different settings"
                .formatted(count, entries.size()));
      }
      Map<String, @Nullable Object> values = new LinkedHashMap<>();
      for (Map.Entry<String, @Nullable Object> axis : axes.entrySet()) {
        values.put(axis.getKey(), draw(place, axis, random));
      }
      if (drawn.add(values)) {
        entries.add(new Entry(name(values), values));
      }
    }
    return entries;
  }

  private static int whole(String place, String key, @Nullable Object value, int least) {
    if (value instanceof Integer number && number >= least) {
      return number;
    }
    throw SweepFile.wrong(
        place,
        "random: %s is %s; it must be a whole number, at least %d"
            .formatted(key, SweepFile.shown(value), least));
  }

  private static Object draw(
      String place, Map.Entry<String, @Nullable Object> axis, Random random) {
    if (axis.getValue() instanceof Map<?, ?> range && range.size() == 1) {
      Map.Entry<?, ?> kind = range.entrySet().iterator().next();
      boolean log = kind.getKey().equals("log");
      if ((log || kind.getKey().equals("uniform"))
          && kind.getValue() instanceof List<?> ends
          && ends.size() == 2
          && ends.get(0) instanceof Number low
          && ends.get(1) instanceof Number high
          && (!log || low.doubleValue() > 0)
          && low.doubleValue() < high.doubleValue()) {
        double a = low.doubleValue();
        double b = high.doubleValue();
        double share = random.nextDouble();
        double value = log ? Math.exp(Math.log(a) + share * Math.log(b / a)) : a + share * (b - a);
        return new BigDecimal(value).round(new MathContext(DIGITS)).doubleValue();
      }
    } else if (axis.getValue() instanceof List<?> choices && !choices.isEmpty()) {
      return choices.get(random.nextInt(choices.size()));
    }
    throw refused(place, axis);
  }

  private static InputException refused(String place, Map.Entry<String, @Nullable Object> axis) {
    return SweepFile.wrong(
        place,
        "random: %s is %s; it must be a list of values, {log: [low, high]} or {uniform: [low, high]}"
            .formatted(axis.getKey(), SweepFile.shown(axis.getValue())));
  }

  /// `learning_rate=0.0003-rank=8`, without what a path does not take.
  private static String name(Map<String, @Nullable Object> values) {
    String name =
        values.entrySet().stream()
            .map(value -> value.getKey() + "=" + shown(value.getValue()))
            .collect(Collectors.joining("-"));
    return safe(name.length() > LONGEST ? name.substring(0, LONGEST) : name);
  }

  private static String shown(@Nullable Object value) {
    return value instanceof Double number
        ? BigDecimal.valueOf(number).stripTrailingZeros().toString().toLowerCase(Locale.ROOT)
        : String.valueOf(value);
  }

  private static String safe(String name) {
    String safe = name.replaceAll("[^A-Za-z0-9._=-]+", "_");
    return safe.startsWith(".") ? "_" + safe.substring(1) : safe;
  }
}
