package dev.nudge.eval.sweep;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.TrainSettings;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The settings that a sweep tries, read from its file:
///
///     base: {model: M, data: [rows.jsonl], eval_data: held.jsonl, steps: 400}
///     grid: {learning_rate: [1e-4, 3e-4], rank: [8, 16]}     # or list, or random
///     halving: {keep: 0.5, at: [100, 200]}                   # optional
///     metric: eval_loss                                      # or {task: T, metric: M}
///
/// @param place the file, for messages
/// @param base settings that all entries share
/// @param entries the settings to try
/// @param halving successive halving; null: all settings train to the end
/// @param metric metric of the ranking; null: held-out loss
public record SweepFile(
    String place,
    Map<String, @Nullable Object> base,
    List<Entry> entries,
    @Nullable Halving halving,
    @Nullable Ranking metric) {
  private static final List<String> AXES = List.of("grid", "list", "random");
  private static final List<String> KEYS =
      List.of("base", "grid", "list", "random", "halving", "metric");
  private static final List<String> OWN = List.of("out", "resume", "overwrite", "dry_run");

  /// A setting of the sweep.
  ///
  /// @param name name of its folder
  /// @param values its own settings, by key
  public record Entry(String name, Map<String, @Nullable Object> values) {}

  /// Stops the worst settings early.
  ///
  /// @param keep share of the settings that continue
  /// @param at steps of the rungs, ascending
  public record Halving(double keep, List<Integer> at) {
    /// Returns how many of `n` settings continue.
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
          case "grid" -> grid(place, map(place, axis, tried));
          case "list" -> list(place, tried);
          default -> random(place, map(place, axis, tried));
        };
    Ranking metric = Ranking.of(place, document.get("metric"));
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

  /// Formats a value as in a file; text without quotes.
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

  /// Refuses keys that the sweep itself sets.
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

  /// Makes names unique, and refuses duplicate settings.
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

  /// Returns the settings of an entry's run.
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

  /// Adds a setting's name to its error.
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

  /// The evaluation for a sweep's ranking.
  ///
  /// @param task name or file of a task
  /// @param metric metric of the task, a mean over its documents
  /// @param dataDir folder of documents, as `eval --data-dir`; null: none
  /// @param limit most documents, the first ones; null: all
  public record Ranking(
      String task, String metric, @Nullable String dataDir, @Nullable Integer limit) {
    private static final List<String> KEYS = List.of("task", "metric", "data_dir", "limit");

    /// Reads `metric` of a file; null: held-out loss.
    static @Nullable Ranking of(String place, @Nullable Object given) {
      if (given == null || given.equals(Leaderboard.LOSS)) {
        return null;
      }
      if (!(given instanceof Map)) {
        throw wrong(
            place,
            "metric is %s; it must be eval_loss, or an evaluation such as {task: tickets.yaml, metric: exact_match}"
                .formatted(shown(given)));
      }
      Map<String, @Nullable Object> values = map(place, "metric", given);
      for (String key : values.keySet()) {
        if (!KEYS.contains(key)) {
          throw wrong(place, "metric has '%s'; it has %s".formatted(key, String.join(", ", KEYS)));
        }
      }
      Object limit = values.get("limit");
      if (limit != null && !(limit instanceof Integer number && number > 0)) {
        throw wrong(
            place, "metric: limit is %s; it must be a number of documents".formatted(shown(limit)));
      }
      return new Ranking(
          text(place, "task", values),
          text(place, "metric", values),
          values.containsKey("data_dir") ? text(place, "data_dir", values) : null,
          (Integer) limit);
    }

    private static String text(String place, String key, Map<String, @Nullable Object> values) {
      if (values.get(key) instanceof String text && !text.isBlank()) {
        return text;
      }
      throw wrong(
          place, "metric: %s is %s; it must be a text".formatted(key, shown(values.get(key))));
    }
  }

  private static final Set<String> FILES =
      Set.of(Leaderboard.JSON, Leaderboard.MARKDOWN, Leaderboard.SVG, SweepState.FILE);
  private static final int LONGEST = 100; // characters of a name
  private static final int DIGITS = 4; // digits of a drawn number
  private static final int TRIES = 100; // draws per wanted setting

  /// Returns all combinations; the last axis varies first.
  static List<Entry> grid(String place, Map<String, @Nullable Object> axes) {
    checkKeys(place, "grid", axes);
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
    throw wrong(
        place,
        "%s: %s is %s; it must be a list of values"
            .formatted(part, axis.getKey(), shown(axis.getValue())));
  }

  /// Reads a list of settings; `name` is the name of a setting's folder.
  static List<Entry> list(String place, @Nullable Object given) {
    List<Entry> entries = new ArrayList<>();
    if (!(given instanceof List<?> all) || all.isEmpty()) {
      throw wrong(
          place,
          "list is " + shown(given) + "; it must be a list of settings, such as [{rank: 8}]");
    }
    for (Object one : all) {
      Map<String, @Nullable Object> values =
          one instanceof Map<?, ?> own && own.isEmpty()
              ? new LinkedHashMap<>()
              : map(place, "an entry of list", one);
      checkKeys(place, "list", values);
      Object name = values.remove("name");
      if (name != null && FILES.contains(name.toString())) {
        throw wrong(
            place,
            "list: name is '%s', which is a file of the sweep; give another".formatted(name));
      }
      if (name != null
          && (name.toString().isEmpty() || !safe(name.toString()).equals(name.toString()))) {
        throw wrong(
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

  /// Draws settings: from a list one of its values, from `{log: [a, b]}` and `{uniform: [a, b]}` a
  /// number between a and b, rounded to four digits.
  static List<Entry> random(String place, Map<String, @Nullable Object> axes) {
    checkKeys(place, "random", axes);
    int count = whole(place, "count", axes.remove("count"), 1);
    Object seed = axes.remove("seed");
    Random random = new Random(seed == null ? 0 : whole(place, "seed", seed, 0));
    if (axes.isEmpty()) {
      throw wrong(
          place, "random has no axis; give one, such as learning_rate: {log: [1e-5, 1e-3]}");
    }
    Set<Map<String, @Nullable Object>> drawn = new HashSet<>();
    List<Entry> entries = new ArrayList<>();
    for (int tries = 0; entries.size() < count; tries++) {
      if (tries == count * TRIES) {
        throw wrong(
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
    throw wrong(
        place,
        "random: %s is %s; it must be a whole number, at least %d"
            .formatted(key, shown(value), least));
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
    return wrong(
        place,
        "random: %s is %s; it must be a list of values, {log: [low, high]} or {uniform: [low, high]}"
            .formatted(axis.getKey(), shown(axis.getValue())));
  }

  /// Returns a name such as `learning_rate=0.0003-rank=8`, safe for paths.
  private static String name(Map<String, @Nullable Object> values) {
    String name =
        values.entrySet().stream()
            .map(value -> value.getKey() + "=" + named(value.getValue()))
            .collect(Collectors.joining("-"));
    return safe(name.length() > LONGEST ? name.substring(0, LONGEST) : name);
  }

  private static String named(@Nullable Object value) {
    return value instanceof Double number
        ? BigDecimal.valueOf(number).stripTrailingZeros().toString().toLowerCase(Locale.ROOT)
        : String.valueOf(value);
  }

  private static String safe(String name) {
    String safe = name.replaceAll("[^A-Za-z0-9._=-]+", "_");
    return safe.startsWith(".") ? "_" + safe.substring(1) : safe;
  }
}
