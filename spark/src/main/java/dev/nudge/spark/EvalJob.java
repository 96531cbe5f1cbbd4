package dev.nudge.spark;

import dev.nudge.eval.run.Evaluation;
import dev.nudge.format.Json;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Named;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.EvaluateSettings;
import java.util.Arrays;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;

/// A table of adapters with the metrics of each: the driver's side of [EvalTask].
///
/// @param settings by key, with absolute paths
record EvalJob(EvaluateSettings settings) {
  /// The table of metrics, computed when it is used.
  ///
  /// @throws InputException if the settings are wrong
  Dataset<Row> on(Dataset<Row> table) {
    refuse("--compare", settings.compare());
    refuse("--policy", settings.policy());
    refuse("--judge", settings.judging().any() ? settings.judging() : null);
    refuse("--train-data", settings.trainData().isEmpty() ? null : settings.trainData());
    EvaluateSettings named = Named.in(settings);
    Machine driver = NudgeSpark.driver(1);
    Session.tokenizer(named.model().model(), named.adapter(), driver); // or it says why not
    Evaluation.metrics(named, driver, new Evaluation.Watcher() {});
    Map<String, Object> values = SharedPaths.of(EvaluateSettings.class, named);
    Widened widened = Widened.of(table.schema(), EvalTask.COLUMNS);
    return table.mapPartitions(
        new EvalTask(
            Json.line(values),
            RowAdapters.of(named.registry(), named.adapter()),
            RowJob.place(Arrays.asList(table.columns())),
            widened),
        Encoders.row(widened.schema()));
  }

  private static void refuse(String flag, @Nullable Object given) {
    if (given != null) {
      throw new InputException(
          flag + " is given for a table of adapters, whose metrics are columns; leave it out");
    }
  }
}
