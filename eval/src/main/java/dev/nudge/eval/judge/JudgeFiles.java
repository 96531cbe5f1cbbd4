package dev.nudge.eval.judge;

import dev.nudge.eval.run.ResultFiles;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Writes judge results: `judge.json`, `judge_TASK.jsonl` with each pair and its verdicts, and
/// `judge-labels.jsonl` with the human-labelled pairs.
public final class JudgeFiles {
  /// File name of the summary numbers.
  public static final String JSON = "judge.json";

  /// File name of the human-labelled pairs.
  public static final String LABELS = "judge-labels.jsonl";

  private static final String ROWS = "judge_";

  private JudgeFiles() {}

  /// Writes all files, replacing earlier ones.
  ///
  /// @throws RunException on an I/O error
  public static void write(Path folder, JudgeResult result) {
    remove(folder);
    Map<String, StringBuilder> rows = new LinkedHashMap<>();
    for (JudgeResult.Compared one : result.compared()) {
      StringBuilder lines = rows.computeIfAbsent(one.task(), task -> new StringBuilder());
      for (Judged judged : one.judged()) {
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        row.put("doc_id", Integer.valueOf(judged.contest().id()));
        row.put("first", one.first());
        row.put("second", one.second());
        lines.append(Json.line(row(row, judged))).append('\n');
      }
    }
    rows.forEach(
        (task, lines) ->
            OutFolder.place(
                folder.resolve(ROWS + ResultFiles.plain(task) + ".jsonl"), lines.toString()));
    if (!result.labelled().isEmpty()) {
      StringBuilder lines = new StringBuilder();
      for (Agreement.Labelled one : result.labelled()) {
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        row.put("label", one.label().word());
        lines.append(Json.line(row(row, one.judged()))).append('\n');
      }
      OutFolder.place(folder.resolve(LABELS), lines.toString());
    }
    OutFolder.place(folder.resolve(JSON), Json.indented(json(result)) + "\n");
  }

  /// Removes the result files of an earlier evaluation; the reply cache stays.
  ///
  /// @throws RunException on an I/O error
  public static void remove(Path folder) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (isOurs(file)) {
          OutFolder.delete(file);
        }
      }
    } catch (IOException e) {
      throw new RunException(
          "what an earlier judge found in %s cannot be removed: %s"
              .formatted(folder, OutFolder.reason(e)),
          e);
    }
  }

  /// Whether a file is one of the result files that this class writes and removes.
  static boolean writes(Path folder, Path file) {
    Path in = file.toAbsolutePath().normalize().getParent();
    return isOurs(file) && in != null && OutFolder.same(in, folder);
  }

  private static boolean isOurs(Path file) {
    String name = file.getFileName().toString();
    return name.equals(JSON)
        || name.equals(LABELS)
        || (name.startsWith(ROWS) && name.endsWith(".jsonl"));
  }

  private static Map<String, @Nullable Object> row(
      Map<String, @Nullable Object> row, Judged judged) {
    Contest contest = judged.contest();
    row.put("question", contest.question());
    row.put("answer_first", contest.first());
    row.put("answer_second", contest.second());
    if (contest.reference() != null) {
      row.put("reference", contest.reference());
    }
    row.put("forward", reply(judged.forward()));
    row.put("backward", reply(judged.backward()));
    row.put("ruling", judged.ruling().word());
    return row;
  }

  private static @Nullable Map<String, @Nullable Object> reply(Judge.@Nullable Reply reply) {
    if (reply == null) {
      return null;
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("verdict", reply.choice() == null ? null : reply.choice().word());
    all.put("said", reply.said());
    return all;
  }

  /// Returns the summary numbers as in `judge.json` and `--json`.
  public static Map<String, Object> json(JudgeResult result) {
    Map<String, @Nullable Object> judge = new LinkedHashMap<>();
    judge.put("judge", result.judge());
    judge.put("model", result.model());
    judge.put("prompt", result.prompt());
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("judge", judge);
    all.put("compared", result.compared().stream().map(JudgeFiles::compared).toList());
    if (result.agreement() != null) {
      all.put("agreement", agreement(result.agreement()));
    }
    return all;
  }

  private static Map<String, @Nullable Object> compared(JudgeResult.Compared one) {
    WinRate rate = one.rate();
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("task", one.task());
    all.put("first", one.first());
    all.put("second", one.second());
    all.put("pairs", rate.pairs());
    all.put("wins", rate.wins());
    all.put("losses", rate.losses());
    all.put("ties", rate.allTies());
    all.put("said_ties", rate.ties());
    all.put("identical", rate.identical());
    all.put("contradictions", rate.order().contradictions());
    all.put("unread", rate.unread());
    all.put("win_rate", Json.finite(rate.rate()));
    all.put("low", Json.finite(rate.low()));
    all.put("high", Json.finite(rate.high()));
    all.put("p", Json.finite(rate.p()));
    if (rate.clusters() > 0) {
      all.put("clusters", rate.clusters());
    }
    order(all, rate.order());
    all.put("longer_wins", Json.finite(rate.longerShare()));
    all.put("longer_of", rate.longer());
    return all;
  }

  private static void order(Map<String, @Nullable Object> all, OrderBias order) {
    all.put("contradicting", Json.finite(order.contradicting()));
    all.put("first_position", Json.finite(order.firstShare()));
    all.put("first_position_of", order.decided());
  }

  private static Map<String, @Nullable Object> agreement(Agreement agreement) {
    Map<String, @Nullable Object> all = measure(agreement.all());
    all.put("unread", agreement.unread());
    all.put("without_ties", measure(agreement.decided()));
    Map<String, Object> table = new LinkedHashMap<>();
    List<Choice> labels = List.of(Choice.values());
    for (Choice label : labels) {
      Map<String, Object> row = new LinkedHashMap<>();
      for (Choice said : labels) {
        row.put(
            said.word(),
            Objects.requireNonNull(agreement.table().get(label.ordinal()).get(said.ordinal())));
      }
      table.put(label.word(), row);
    }
    all.put("table", table);
    all.put("contradictions", agreement.order().contradictions());
    order(all, agreement.order());
    return all;
  }

  private static Map<String, @Nullable Object> measure(Agreement.Measure measure) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("pairs", measure.pairs());
    all.put("agreed", measure.agreed());
    all.put("agreement", Json.finite(measure.share()));
    all.put("low", Json.finite(measure.low()));
    all.put("high", Json.finite(measure.high()));
    all.put("kappa", Json.finite(measure.kappa()));
    all.put("kappa_low", Json.finite(measure.kappaLow()));
    all.put("kappa_high", Json.finite(measure.kappaHigh()));
    return all;
  }
}
