package dev.nudge.spark;

import dev.nudge.cli.ElsewhereCommand;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/// `generate`, `score` and `eval` of spark-submit: from a table, a query or files to a table.
record TableCommand(TableFlags flags) {
  /// Runs the command.
  ///
  /// @param args arguments after the verb
  /// @return the exit code
  /// @throws InputException if a flag is given twice
  static int run(String verb, List<String> args, PrintStream out, PrintStream err) {
    OwnFlags own = OwnFlags.of(verb.equals("eval") ? TableFlags.OF_EVAL : TableFlags.NAMES, args);
    List<String> rest = new ArrayList<>(own.rest());
    if (verb.equals("eval")) {
      rest.addAll(List.of("--out", "-")); // a placeholder: each task has its own folder
    } else if (own.has("--table") || own.has("--query")) {
      rest.addAll(List.of("--data", "-")); // a placeholder that is never read
    }
    return switch (verb) {
      case "score" ->
          ElsewhereCommand.run(
              verb,
              "gives the log-probability of each row's completion, as a table",
              ScoreSettings.class,
              rest,
              out,
              err,
              settings -> of(own).rows(settings.data().data(), RowJob.of(settings)));
      case "eval" ->
          ElsewhereCommand.run(
              verb,
              "evaluates the adapters that a table names, as a table of metrics",
              EvaluateSettings.class,
              rest,
              out,
              err,
              settings -> of(own).adapters(own.files(), settings));
      default ->
          ElsewhereCommand.run(
              verb,
              "completes the prompts of a table's rows, or embeds them, as a table",
              GenerateSettings.class,
              rest,
              out,
              err,
              settings -> of(own).rows(settings.data(), RowJob.of(settings)));
    };
  }

  private static TableCommand of(OwnFlags own) {
    return new TableCommand(TableFlags.of(own));
  }

  private ElsewhereCommand.Done rows(List<String> files, RowJob job) {
    return done(
        job.verb(),
        files,
        (session, input, tasks) -> job.on(session, input.rows(), input.lines(), tasks));
  }

  private ElsewhereCommand.Done adapters(List<String> files, EvaluateSettings settings) {
    return done(
        "eval",
        files,
        (_, input, tasks) -> {
          Dataset<Row> rows = input.rows();
          return EvalTask.on(settings, tasks == 0 ? rows : rows.repartition(tasks));
        });
  }

  private interface RowMapping {
    /// @param tasks number of tasks; 0: the rows' partitions
    Dataset<Row> on(SparkSession session, TableFlags.Input input, int tasks);
  }

  private ElsewhereCommand.Done done(String verb, List<String> files, RowMapping made) {
    if (flags.table() == null && flags.query() == null && files.isEmpty()) {
      throw new InputException("--data, --table and --query are all missing; give one");
    }
    SparkSession session = SparkSession.builder().appName("nudge " + verb).getOrCreate();
    return told(
        () -> {
          flags.check(session);
          TableFlags.Input input = flags.read(session, files);
          Dataset<Row> results = made.on(session, input, flags.tasks(session, input.rows()));
          return summary(verb, flags.write(session, results));
        });
  }

  interface Work<T> {
    T done() throws Exception;
  }

  /// Runs work, and rethrows failures of tasks or of Spark with a message of one line.
  static <T> T told(Work<T> work) {
    try {
      return work.done();
    } catch (NudgeException e) {
      throw e;
    } catch (Exception e) {
      Throwable last = Job.root(e);
      String line = Job.line(e);
      throw last instanceof InputException || last instanceof AnalysisException
          ? new InputException(line, e)
          : new RunException(line, e);
    }
  }

  /// Summarises the written rows as `nudge` does.
  private ElsewhereCommand.Done summary(String verb, Dataset<Row> written) {
    boolean scored = verb.equals("score");
    boolean counted = scored || verb.equals("generate");
    Row sums =
        written
            .selectExpr(
                "count(*)",
                "count(error)",
                counted ? "coalesce(sum(tokens), 0L)" : "0L",
                scored ? "coalesce(sum(logprob), 0D)" : "0D",
                scored ? "count_if(greedy)" : "0L",
                "first(error, true)")
            .first();
    long bad = sums.getLong(1);
    long good = sums.getLong(0) - bad;
    if (good == 0 && bad > 0) {
      throw new RunException(
          "no row of %d has a result; the first error: %s".formatted(bad, sums.getString(5)));
    }
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("rows", good);
    summary.put("bad_rows", bad);
    if (counted) {
      summary.put("tokens", sums.getLong(2));
    }
    if (scored) {
      summary.put("logprob", sums.getDouble(3));
      summary.put("loss", -sums.getDouble(3) / sums.getLong(2));
      summary.put("greedy", sums.getLong(4));
    }
    String note = Count.of(good, "row") + " in " + flags.place();
    return new ElsewhereCommand.Done(
        summary, bad == 0 ? note : note + ", and " + Count.of(bad, "row") + " with an error");
  }
}
