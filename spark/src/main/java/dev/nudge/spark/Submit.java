package dev.nudge.spark;

import dev.nudge.cli.SweepCommand;
import dev.nudge.cli.TrainCommand;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import scala.Option;

/// The main class for spark-submit: `train --ranks N`, `sweep`, `generate`, `score` and `eval` with
/// the flags of `nudge`; the last three read and write tables ([TableFlags]).
///
/// - `--ranks N`: tasks that train together (default: 1)
/// - `--rank-port PORT`: port of rank 0, rank n has PORT + n (default: any free ports)
/// - `--rank-timeout SECONDS`: longest wait for other ranks within a step (default: 600)
/// - `--attempts N`: consecutive failures, without a step between, that end the run (default: 4)
/// - `--table NAME` or `--query SQL`: rows of `train` in place of `--data`
/// - `--tasks N`: groups of a sweep that train in parallel (default: as many as the cluster runs)
public final class Submit {
  private static final List<String> OF_TRAIN =
      List.of("--ranks", "--rank-port", "--rank-timeout", "--attempts", "--table", "--query");

  private static final String TASKS = "--tasks";

  private Submit() {}

  /// Runs the command and ends the process with its exit code.
  public static void main(String[] args) {
    int code = run(List.of(args), System.out, System.err);
    Option<SparkSession> session = SparkSession.getDefaultSession();
    if (session.isDefined()) {
      session.get().stop(); // else executors restart while the process ends
    }
    System.exit(code);
  }

  /// Runs the command.
  ///
  /// @return the exit code
  static int run(List<String> args, PrintStream out, PrintStream err) {
    String verb = args.isEmpty() ? "" : args.getFirst();
    List<String> rest = args.subList(Math.min(1, args.size()), args.size());
    try {
      return switch (verb) {
        case "train" -> train(OwnFlags.of(OF_TRAIN, rest), out, err);
        case "sweep" -> sweep(OwnFlags.of(List.of(TASKS), rest), out, err);
        case "generate", "score", "eval" -> TableCommand.run(verb, rest, out, err);
        default ->
            throw new InputException(
                "the verb is %s; on Spark there are train --ranks N, sweep, generate, score and eval"
                    .formatted(args.isEmpty() ? "missing" : "'" + verb + "'"));
      };
    } catch (InputException e) {
      err.println("nudge: " + e.getMessage());
      return TrainCommand.WRONG;
    }
  }

  private static int train(OwnFlags own, PrintStream out, PrintStream err) {
    RankSettings usual = RankSettings.of(1);
    RankSettings ranks =
        new RankSettings(
            own.number("--ranks", usual.ranks()),
            own.number("--rank-port", usual.port()),
            Duration.ofSeconds(own.number("--rank-timeout", (int) usual.timeout().toSeconds())),
            own.number("--attempts", usual.attempts()));
    List<String> rest = new ArrayList<>(own.rest());
    boolean table = TableFlags.ofTable(own);
    if (table) {
      if (own.passes("--dry-run")) {
        throw new InputException("--dry-run reads files only; give --data, or leave it out");
      }
      rest.addAll(List.of("--data", "-")); // a placeholder that is never read
    }
    String query = own.text("--query");
    String name = own.text("--table");
    return TrainCommand.run(
        rest,
        out,
        err,
        NudgeSpark.driver(ranks.ranks()),
        (settings, events, cancelled) -> {
          SparkSession session = SparkSession.builder().appName("nudge train").getOrCreate();
          TrainSettings given =
              table
                  ? TableCommand.told(
                      () ->
                          NudgeSpark.onRows(
                              settings,
                              query == null ? name : query,
                              () -> query == null ? session.table(name) : session.sql(query)))
                  : settings;
          return NudgeSpark.train(session, given, ranks, events, cancelled);
        });
  }

  private static int sweep(OwnFlags own, PrintStream out, PrintStream err) {
    int tasks = own.count(TASKS);
    return SweepCommand.run(
        own.rest(),
        out,
        err,
        (settings, document, names, watcher, cancelled) -> {
          SparkSession session = SparkSession.builder().appName("nudge sweep").getOrCreate();
          return NudgeSpark.sweep(session, settings, document, names, tasks, watcher, cancelled);
        });
  }
}
