package dev.nudge.spark;

import dev.nudge.cli.SweepCommand;
import dev.nudge.cli.TrainCommand;
import dev.nudge.settings.InputException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;
import scala.Option;

/// The main class for spark-submit: `train --ranks N`, `sweep`, `generate`, `score` and `eval` with
/// the flags of `nudge`; the last three from a table to a table ([TableFlags]).
///
/// - `--ranks N`: tasks that train together (default: 1)
/// - `--rank-port PORT`: port of rank 0, the others behind it (default: any free ones)
/// - `--rank-timeout SECONDS`: for what others compute and send within a step (default: 600)
/// - `--attempts N`: failures in a row, without a step between, that end the run (default: 4)
/// - `--tasks N`: groups of a sweep that train at once (default: as many as the cluster runs)
public final class Submit {
  private static final List<String> OWN =
      List.of("--ranks", "--rank-port", "--rank-timeout", "--attempts");

  private static final String TASKS = "--tasks";

  private Submit() {}

  /// Runs the command and ends the process with its exit code.
  public static void main(String[] args) {
    int code = run(List.of(args), System.out, System.err);
    Option<SparkSession> session = SparkSession.getDefaultSession();
    if (session.isDefined()) {
      session.get().stop(); // else executors begin again while the process ends
    }
    System.exit(code);
  }

  /// Runs the command.
  ///
  /// @return the exit code
  static int run(List<String> args, PrintStream out, PrintStream err) {
    if (!args.isEmpty() && TableCommand.VERBS.contains(args.getFirst())) {
      return TableCommand.run(args.getFirst(), args.subList(1, args.size()), out, err);
    }
    List<String> rest = new ArrayList<>();
    RankSettings ranks;
    if (!args.isEmpty() && args.getFirst().equals("sweep")) {
      return sweep(args.subList(1, args.size()), out, err);
    }
    try {
      ranks = settings(args, rest);
    } catch (InputException e) {
      err.println("nudge: " + e.getMessage());
      return TrainCommand.WRONG;
    }
    return TrainCommand.run(
        rest,
        out,
        err,
        NudgeSpark.driver(ranks.ranks()),
        (settings, events, cancelled) -> {
          SparkSession session = SparkSession.builder().appName("nudge train").getOrCreate();
          return NudgeSpark.train(session, settings, ranks, events, cancelled);
        });
  }

  private static int sweep(List<String> args, PrintStream out, PrintStream err) {
    List<String> rest = new ArrayList<>();
    int tasks;
    try {
      tasks = number(own(args, List.of(TASKS), rest), TASKS, 0);
      if (tasks < 0) {
        throw new InputException(TASKS + " is " + tasks + "; it must be at least 1");
      }
    } catch (InputException e) {
      err.println("nudge: " + e.getMessage());
      return TrainCommand.WRONG;
    }
    return SweepCommand.run(
        rest,
        out,
        err,
        (settings, document, names, watcher, cancelled) -> {
          SparkSession session = SparkSession.builder().appName("nudge sweep").getOrCreate();
          return NudgeSpark.sweep(session, settings, document, names, tasks, watcher, cancelled);
        });
  }

  /// Takes this class's own flags of `train` out of the arguments.
  ///
  /// @param rest receives the others, behind the verb
  static RankSettings settings(List<String> args, List<String> rest) {
    if (args.isEmpty() || !args.getFirst().equals("train")) {
      throw new InputException(
          "the verb is %s; on Spark there are train --ranks N, sweep, generate, score and eval"
              .formatted(args.isEmpty() ? "missing" : "'" + args.getFirst() + "'"));
    }
    Map<String, String> own = own(args.subList(1, args.size()), OWN, rest);
    RankSettings usual = RankSettings.of(1);
    return new RankSettings(
        number(own, "--ranks", usual.ranks()),
        number(own, "--rank-port", usual.port()),
        Duration.ofSeconds(number(own, "--rank-timeout", (int) usual.timeout().toSeconds())),
        number(own, "--attempts", usual.attempts()));
  }

  /// Takes flags with their values out of the arguments behind the verb.
  private static Map<String, String> own(List<String> args, List<String> flags, List<String> rest) {
    Map<String, String> own = new TreeMap<>();
    for (int i = 0; i < args.size(); i++) {
      String[] parts = args.get(i).split("=", 2);
      if (!flags.contains(parts[0])) {
        rest.add(args.get(i));
      } else if (parts.length == 2) {
        own.put(parts[0], parts[1]);
      } else {
        own.put(parts[0], ++i < args.size() ? args.get(i) : "");
      }
    }
    return own;
  }

  private static int number(Map<String, String> own, String flag, int usual) {
    String text = own.getOrDefault(flag, Integer.toString(usual));
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new InputException(flag + " is '" + text + "'; it must be a whole number", e);
    }
  }
}
