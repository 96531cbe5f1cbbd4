package dev.nudge.data.rows;

import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.data.source.Pick;
import dev.nudge.format.ConfigJson;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataSettings;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Short answers of a data set with their counts, such as the labels of a classification.
///
/// @param counts rows of each answer of at most [#LONGEST] characters, the most frequent first
/// @param longer rows with longer answers
public record Answers(Map<String, Integer> counts, long longer) {
  /// Most characters of an answer that is counted by its text.
  static final int LONGEST = 60;

  /// Most different answers that are counted.
  static final int MOST = 1000;

  private static final int LOOKED_AT = 1000; // rows

  private static final int SHOWN = 50;

  /// Answers that differ in case or outer blanks alone, the most frequent first.
  List<List<String>> nearEqual() {
    Map<String, List<String>> alike = new LinkedHashMap<>();
    counts.keySet().forEach(a -> alike.computeIfAbsent(folded(a), _ -> new ArrayList<>()).add(a));
    return alike.values().stream().filter(some -> some.size() > 1).limit(SHOWN).toList();
  }

  private static String folded(String answer) {
    return answer.strip().toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
  }

  private List<Map.Entry<String, Integer>> shown() {
    return counts.entrySet().stream().limit(SHOWN).toList();
  }

  private long rowsOfOthers() {
    return counts.values().stream().skip(SHOWN).mapToLong(n -> n).sum();
  }

  /// A line for each of the first answers, and for the rest.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("answers    " + String.format(Locale.ROOT, "%,d different", counts.size()));
    shown().forEach(e -> lines.add(line(e.getValue(), ConfigJson.quote(e.getKey()))));
    if (counts.size() > SHOWN) {
      lines.add(line(rowsOfOthers(), Count.of(counts.size() - SHOWN, "other answer")));
    }
    if (longer > 0) {
      lines.add(line(longer, "longer than " + LONGEST + " characters"));
    }
    return lines;
  }

  private static String line(long rows, String what) {
    return String.format(Locale.ROOT, "%,17d  %s", rows, what);
  }

  /// A warning for each group of nearly equal answers.
  public List<String> warnings() {
    return nearEqual().stream()
        .map(
            some ->
                some.stream()
                    .map(a -> "%s (%,d)".formatted(ConfigJson.quote(a), counts.get(a)))
                    .collect(
                        Collectors.joining(
                            ", ", "answers that differ in case or outer blanks alone: ", "")))
        .toList();
  }

  /// Warns of nearly equal answers, and of rows with a blank both at the end of the prompt and at
  /// the beginning of the completion, among the first [#LOOKED_AT] rows.
  ///
  /// @param rows what the rows are for
  public static void warn(DataSettings data, WantedRows rows, Consumer<String> warnings) {
    RowShape shape = RowShape.of(data, rows);
    Tally tally = new Tally();
    int doubled = 0;
    int seen = 0;
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      List<SourceLine> next = reader.next(1); // rows may be long, so one is held at a time
      for (int i = 0; i < LOOKED_AT && !next.isEmpty(); i++, next = reader.next(1)) {
        try {
          Content content = shape.content(Row.parse(next.getFirst()));
          tally.add(content);
          seen++;
          if (content instanceof Content.Answer row
              && row.prompt().endsWith(" ")
              && row.completion().startsWith(" ")) {
            doubled++;
          }
        } catch (BadRowException e) {
          continue; // whoever reads all rows tells it
        }
      }
    }
    Answers answers = tally.answers();
    if (answers != null) {
      answers.warnings().forEach(warnings);
    }
    if (doubled > 0) {
      warnings.accept(
          "in %,d of the first %s the prompt ends and the completion begins with a blank; take one of them out of --prompt, --completion or the rows"
              .formatted(doubled, Count.of(seen, "row")));
    }
  }

  /// The answers by key, for `--json`.
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    Map<String, Integer> first = new LinkedHashMap<>();
    shown().forEach(e -> first.put(e.getKey(), e.getValue()));
    values.put("different", counts.size());
    values.put("counts", first);
    values.put("rows_of_others", rowsOfOthers());
    values.put("rows_of_longer", longer);
    values.put("near_equal", nearEqual());
    return values;
  }

  /// Counts the answers of rows, one after the other. Keeps at most [#MOST] texts.
  public static final class Tally {
    private final Map<String, Integer> counts = new HashMap<>();
    private long rows;
    private long longer;
    private boolean many;

    public void add(Content content) {
      String answer = answer(content);
      if (answer == null || many) {
        return;
      }
      rows++;
      if (answer.codePointCount(0, answer.length()) > LONGEST) {
        longer++;
        return;
      }
      counts.merge(answer, 1, Integer::sum);
      if (counts.size() > MOST) {
        many = true;
        counts.clear();
      }
    }

    /// What a row is trained to answer: a completion or the last message; null: neither.
    private static @Nullable String answer(Content content) {
      return switch (content) {
        case Content.Answer row -> row.completion();
        case Content.ChatAnswer row -> last(row.completion());
        case Content.Conversation row -> last(row.messages());
        case Content.Text _ -> null;
      };
    }

    private static @Nullable String last(JsonNode messages) {
      JsonNode message = messages.path(messages.size() - 1);
      return Messages.isAnswer(message) ? MessageOrder.all(message) : null;
    }

    /// The answers; null where they are free text: most are long, or there are many and few come
    /// twice.
    public @Nullable Answers answers() {
      boolean few = counts.size() <= SHOWN || 2L * counts.size() <= rows - longer;
      if (many || counts.isEmpty() || 2 * longer > rows || !few) {
        return null;
      }
      Map<String, Integer> sorted = new LinkedHashMap<>();
      new TreeMap<>(counts)
          .entrySet().stream()
              .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
              .forEach(e -> sorted.put(e.getKey(), e.getValue()));
      return new Answers(sorted, longer);
    }
  }
}
