package dev.nudge.data;

import dev.nudge.data.rows.ContentFlaws;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Flaw;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.text.quality.Findings;
import dev.nudge.text.quality.Sensitive;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Counts the rows that have a [Flaw], and remembers the first places of each.
///
/// Threading: one thread at a time.
public final class Flaws {
  private static final int SHOWN = 5; // places in a line

  /// The place of a row.
  public record Place(Path file, int line) {}

  private final QualitySettings settings;
  private final Set<Flaw> dropped;
  private final Map<Flaw, Findings<Place>> flaws = new EnumMap<>(Flaw.class);
  private final Map<Sensitive, Findings<Place>> kinds = new EnumMap<>(Sensitive.class);

  Flaws(QualitySettings settings) {
    this.settings = settings;
    this.dropped = settings.dropped();
  }

  /// Counts the flaws of a row.
  ///
  /// @return whether the row stays
  boolean add(ContentFlaws look, SourceLine line) {
    boolean stays = true;
    for (Flaw flaw : look.flaws()) {
      stays &= add(flaw, line.file(), line.number());
    }
    for (Sensitive kind : look.kinds()) {
      kinds.computeIfAbsent(kind, k -> new Findings<>()).add(new Place(line.file(), line.number()));
    }
    return stays;
  }

  /// Counts one flaw of a row.
  ///
  /// @return whether the row stays
  boolean add(Flaw flaw, Path file, int line) {
    flaws.computeIfAbsent(flaw, f -> new Findings<>()).add(new Place(file, line));
    return !dropped.contains(flaw);
  }

  QualitySettings settings() {
    return settings;
  }

  /// What was seen so far, with names for [Flaw] and [Sensitive]; a file keeps it.
  record Counts(Map<String, FlawCount> flaws, Map<String, FlawCount> kinds) {}

  /// A number of rows and the first places of them.
  record FlawCount(int count, List<Spot> first) {}

  /// A place with its file as text.
  record Spot(String file, int line) {}

  Counts seen() {
    return new Counts(told(flaws), told(kinds));
  }

  private static <K extends Enum<K>> Map<String, FlawCount> told(Map<K, Findings<Place>> tallies) {
    Map<String, FlawCount> told = new LinkedHashMap<>();
    tallies.forEach(
        (key, tally) ->
            told.put(
                key.name(),
                new FlawCount(
                    tally.count(),
                    tally.first().stream()
                        .map(place -> new Spot(place.file().toString(), place.line()))
                        .toList())));
    return told;
  }

  /// Forgets what was seen.
  void clear() {
    flaws.clear();
    kinds.clear();
  }

  /// Counts what was seen when the tokens of these rows were made.
  void restore(Counts seen) {
    seen.flaws().forEach((flaw, told) -> flaws.put(Flaw.valueOf(flaw), tally(told)));
    seen.kinds().forEach((kind, told) -> kinds.put(Sensitive.valueOf(kind), tally(told)));
  }

  private static Findings<Place> tally(FlawCount told) {
    return Findings.of(
        told.count(),
        told.first().stream().map(spot -> new Place(Path.of(spot.file()), spot.line())).toList());
  }

  /// Returns the number of rows with a flaw.
  public int count(Flaw flaw) {
    Findings<Place> tally = flaws.get(flaw);
    return tally == null ? 0 : tally.count();
  }

  /// Returns the places of the first rows with a flaw, up to 20.
  public List<Place> first(Flaw flaw) {
    Findings<Place> tally = flaws.get(flaw);
    return tally == null ? List.of() : tally.first();
  }

  /// Refuses the data where a flaw is there that refuses it.
  ///
  /// @throws InputException in one line, with the first places of each below it
  void check(String data) {
    List<String> reasons = new ArrayList<>();
    List<String> flags = new ArrayList<>();
    for (Flaw flaw : settings.refused()) {
      if (count(flaw) > 0) {
        reasons.add(line(flaw, Findings.KEPT));
        flags.add("--refuse-rows " + flaw.shown());
      }
    }
    if (!reasons.isEmpty()) {
      throw new InputException(
          data + " has rows that are refused by " + String.join(" and ", flags), reasons);
    }
  }

  /// Returns a line for each flaw found: `2 rows the same as an earlier row (a.jsonl lines 3, 7),
  /// left out`.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (Flaw flaw : flaws.keySet()) {
      lines.add(line(flaw, SHOWN) + (dropped.contains(flaw) ? ", left out" : ""));
    }
    return lines;
  }

  private String line(Flaw flaw, int shown) {
    return "%s %s (%s)%s"
        .formatted(Count.of(count(flaw), "row"), flaw.words(), places(flaw, shown), kinds(flaw));
  }

  private String kinds(Flaw flaw) {
    List<String> found = new ArrayList<>();
    kinds.forEach(
        (kind, tally) -> {
          if (flaw == (kind.secret() ? Flaw.SECRETS : Flaw.PERSONAL_DATA)) {
            found.add(kind.words() + " " + String.format(Locale.ROOT, "%,d", tally.count()));
          }
        });
    return found.isEmpty() ? "" : ": " + String.join(", ", found);
  }

  /// `a.jsonl lines 1, 4, b.jsonl line 2, …`.
  private String places(Flaw flaw, int shown) {
    Map<Path, List<String>> lines = new LinkedHashMap<>();
    first(flaw).stream()
        .limit(shown)
        .forEach(
            place ->
                lines
                    .computeIfAbsent(place.file(), file -> new ArrayList<>())
                    .add(Integer.toString(place.line())));
    List<String> files = new ArrayList<>();
    lines.forEach(
        (file, numbers) ->
            files.add(
                file + (numbers.size() == 1 ? " line " : " lines ") + String.join(", ", numbers)));
    return String.join(", ", files) + (count(flaw) > shown ? ", …" : "");
  }

  /// The counts and first places by key, for `--json`.
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    for (Flaw flaw : Flaw.values()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("rows", count(flaw));
      one.put(
          "first",
          first(flaw).stream()
              .map(place -> Map.of("file", place.file().toString(), "line", place.line()))
              .map(TreeMap::new)
              .toList());
      values.put(flaw.shown().replace('-', '_'), one);
    }
    Map<String, Integer> seen = new LinkedHashMap<>();
    kinds.forEach((kind, t) -> seen.put(kind.name().toLowerCase(Locale.ROOT), t.count()));
    values.put("sensitive", seen);
    return values;
  }
}
