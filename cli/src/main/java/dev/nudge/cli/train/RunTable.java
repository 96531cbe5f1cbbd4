package dev.nudge.cli.train;

import dev.nudge.runs.RunColumn;
import dev.nudge.runs.RunFilter;
import dev.nudge.runs.RunStatus;
import dev.nudge.runs.RunSummary;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// Formats runs as a table. On a narrow terminal the least important columns are dropped first,
/// then names are truncated.
public final class RunTable {
  private static final int GAP = 2;
  private static final int SHORT = 8; // characters of a truncated name
  private static final DateTimeFormatter MINUTE =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm", Locale.ROOT).withZone(ZoneOffset.UTC);

  /// The columns to drop, in order.
  private static final List<RunColumn> LEFT_OUT =
      List.of(
          RunColumn.STARTED, // the run's id contains the time
          RunColumn.QUANTIZE,
          RunColumn.METHOD,
          RunColumn.TOKENS_PER_S,
          RunColumn.MODEL,
          RunColumn.DURATION,
          RunColumn.COST,
          RunColumn.LOSS,
          RunColumn.STEPS,
          RunColumn.HELD_OUT);

  private static final Set<RunColumn> NUMBERS =
      EnumSet.of(
          RunColumn.STEPS,
          RunColumn.HELD_OUT,
          RunColumn.LOSS,
          RunColumn.TOKENS_PER_S,
          RunColumn.DURATION,
          RunColumn.COST);

  private RunTable() {}

  /// Returns the lines of the table, header first.
  ///
  /// @param width width of the terminal; 0: no terminal, show all columns
  public static List<String> lines(List<RunSummary> runs, int width) {
    Map<RunColumn, List<String>> cells = new EnumMap<>(RunColumn.class);
    for (RunColumn column : RunColumn.values()) {
      List<String> texts = new ArrayList<>(List.of(head(column)));
      runs.forEach(run -> texts.add(cell(column, run)));
      cells.put(column, texts);
    }
    if (runs.stream().allMatch(run -> run.cost() == null)) {
      cells.remove(RunColumn.COST);
    }
    Map<RunColumn, List<String>> all = new EnumMap<>(cells);
    for (RunColumn column : LEFT_OUT) {
      if (width > 0 && width(cells) > width) {
        cells.remove(column);
      }
    }
    for (RunColumn column :
        LEFT_OUT.reversed()) { // a narrow column may fit where a wide one did not
      List<String> texts = all.get(column);
      if (texts != null && width > 0 && cells.putIfAbsent(column, texts) == null) {
        if (width(cells) > width) {
          cells.remove(column);
        }
      }
    }
    int over = width > 0 ? width(cells) - width : 0;
    if (over > 0) {
      List<String> names = cells.getOrDefault(RunColumn.NAME, List.of());
      cells.put(RunColumn.NAME, cut(names, Math.max(SHORT, longest(names) - over)));
    }
    List<String> lines = new ArrayList<>();
    for (int i = 0; i <= runs.size(); i++) {
      StringBuilder line = new StringBuilder();
      for (Map.Entry<RunColumn, List<String>> column : cells.entrySet()) {
        String text = column.getValue().get(i);
        String space = " ".repeat(longest(column.getValue()) - length(text));
        line.append(NUMBERS.contains(column.getKey()) ? space + text : text + space)
            .append(" ".repeat(GAP));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static int width(Map<RunColumn, List<String>> cells) {
    return cells.values().stream().mapToInt(texts -> longest(texts) + GAP).sum() - GAP;
  }

  private static int longest(List<String> texts) {
    return texts.stream().mapToInt(RunTable::length).max().orElse(0);
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  private static List<String> cut(List<String> texts, int room) {
    return texts.stream()
        .map(
            text ->
                length(text) <= room
                    ? text
                    : text.substring(0, text.offsetByCodePoints(0, room - 1)) + "…")
        .toList();
  }

  private static String head(RunColumn column) {
    return switch (column) {
      case TOKENS_PER_S -> "TOK/S";
      case DURATION -> "TIME";
      case HELD_OUT -> "HELD OUT";
      default -> column.name();
    };
  }

  /// Returns a run's cell in a column; `-` if empty.
  static String cell(RunColumn column, RunSummary run) {
    Object value = column.of(run);
    return value == null
        ? "-"
        : switch (column) {
          case STEPS ->
              run.plannedSteps() == null || run.state() == RunStatus.FINISHED
                  ? String.valueOf(run.steps())
                  : run.steps() + "/" + run.plannedSteps();
          case HELD_OUT, LOSS -> String.format(Locale.ROOT, "%.4f", (Double) value);
          case TOKENS_PER_S -> String.format(Locale.ROOT, "%,.0f", (Double) value);
          case COST ->
              String.format(Locale.ROOT, (Double) value < 0.1 ? "%.4f" : "%.2f", (Double) value);
          case DURATION -> time((Double) value);
          case STARTED -> run.started() == null ? "-" : MINUTE.format(run.started());
          case MODEL -> RunFilter.lastName(run.model());
          case NAME, STATE, METHOD, QUANTIZE, ID -> value.toString();
        };
  }

  /// Formats seconds as `42 s`, `12 m 53 s` or `3 h 05 m`.
  public static String time(double seconds) {
    long whole = Math.round(seconds);
    if (whole < 60) {
      return String.format(Locale.ROOT, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
    }
    return whole < 3600
        ? String.format(Locale.ROOT, "%d m %02d s", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%,d h %02d m", whole / 3600, whole / 60 % 60);
  }
}
