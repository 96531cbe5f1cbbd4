package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Plots;
import dev.nudge.cli.console.Terminal;
import dev.nudge.cli.console.Verb;
import dev.nudge.curves.Curves;
import dev.nudge.curves.LossSvg;
import dev.nudge.curves.LossText;
import dev.nudge.runs.RunColumn;
import dev.nudge.runs.RunComparison;
import dev.nudge.runs.RunExport;
import dev.nudge.runs.StoredRun;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge runs compare`: compares the settings and loss curves of runs.
///
/// @param stores opens the runs
public record RunsCompareVerb(RunStores stores) implements Verb<RunsCompareVerb.Settings> {
  private static final List<RunColumn> ENDS =
      List.of(
          RunColumn.STATE,
          RunColumn.STEPS,
          RunColumn.HELD_OUT,
          RunColumn.LOSS,
          RunColumn.TOKENS_PER_S,
          RunColumn.DURATION,
          RunColumn.COST);
  private static final int WIDEST = 40; // columns of a value
  private static final int NARROWEST = 12;

  /// The flags of `nudge runs compare`.
  record Settings(
      @Setting(
              help = RunStores.RUN + "; two or more",
              label = "RUN",
              operand = true,
              required = true)
          List<String> run,
      @Setting(help = RunStores.ROOTS, label = "FOLDER") List<String> runs,
      @Setting(help = "draw the curves over each other into this file", label = "FILE")
          @Nullable Path svg,
      @Setting(help = "replace that file") boolean overwrite) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "runs compare",
        "shows the settings in which runs differ, beside their curves",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<StoredRun> runs = stores.under(settings.runs(), console::warn).open(settings.run());
    if (runs.size() < 2) {
      throw new InputException("RUN is one run; runs compare takes two or more");
    }
    Map<String, List<JsonNode>> differences = RunComparison.of(runs);
    List<Curves> curves = RunsPlotVerb.curves(runs);
    if (settings.svg() != null) {
      RunExport.file("--svg", settings.svg(), LossSvg.of(curves), settings.overwrite());
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(row("", curves.stream().map(Curves::name).toList()));
    for (RunColumn column : ENDS) {
      rows.add(
          row(
              column.word(),
              runs.stream().map(run -> RunTable.cell(column, run.summary())).toList()));
    }
    rows.add(row("", runs.stream().map(run -> "").toList()));
    differences.forEach(
        (key, values) -> rows.add(row(key, values.stream().map(RunComparison::shown).toList())));
    table(rows).forEach(console::result);
    console.result("");
    LossText.of(curves, Terminal.showsUnicode(), Plots.width(), Plots.SMALL)
        .forEach(console::result);
    console.object(object(runs, differences));
    return ExitCode.DONE;
  }

  private static List<String> row(String key, List<String> values) {
    List<String> row = new ArrayList<>(List.of(key));
    row.addAll(values);
    return row;
  }

  /// Aligns rows in columns; long cells are shortened in the middle, the least informative part of
  /// paths and digests.
  private static List<String> table(List<List<String>> rows) {
    int columns = rows.getFirst().size();
    int key = rows.stream().mapToInt(row -> row.getFirst().length()).max().orElse(0);
    int terminal = Terminal.columns();
    int room = terminal == 0 ? WIDEST : (terminal - key) / (columns - 1) - 2;
    int most = Math.clamp(room, NARROWEST, WIDEST);
    int[] widths = new int[columns];
    List<List<String>> cut =
        rows.stream().map(row -> row.stream().map(text -> cut(text, most)).toList()).toList();
    cut.forEach(
        row -> {
          for (int i = 0; i < columns; i++) {
            widths[i] = Math.max(widths[i], row.get(i).length());
          }
        });
    List<String> lines = new ArrayList<>();
    for (List<String> row : cut) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static String cut(String text, int most) {
    int half = (most - 1) / 2;
    return text.length() <= most
        ? text
        : text.substring(0, most - 1 - half) + "…" + text.substring(text.length() - half);
  }

  private static Map<String, Object> object(
      List<StoredRun> runs, Map<String, List<JsonNode>> differences) {
    Map<String, List<JsonNode>> metrics = new LinkedHashMap<>();
    runs.forEach(run -> metrics.put(run.folder().toString(), run.metrics()));
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("runs", runs.stream().map(run -> run.summary().values()).toList());
    object.put("differences", differences);
    object.put("metrics", metrics);
    return object;
  }
}
