package dev.nudge.runs;

import dev.nudge.settings.RunException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Exports runs to an MLflow server. Sent are settings as parameters, metrics with their steps,
/// tags, and the final state.
///
/// A request holds up to 1,000 metrics, 100 parameters and 100 tags; more are split over requests.
public final class MlflowExport {
  private static final int MOST_METRICS = 1000;
  private static final int MOST_PARAMETERS = 100;
  private static final int LONGEST = 6000; // characters of a parameter
  private static final List<String> TRAIN =
      List.of("loss", "lr", "grad_norm", "tokens", "trained_tokens", "seconds", "rss_anon_mb");

  /// A run on the MLflow server.
  ///
  /// @param id of the run in nudge
  /// @param mlflowId of the run on the server
  /// @param metrics number of points that were sent
  public record Sent(String id, String experimentId, String mlflowId, int metrics) {}

  private final Mlflow server;
  private final String experiment;

  private MlflowExport(Mlflow server, String experiment) {
    this.server = server;
    this.experiment = experiment;
  }

  /// Exports runs.
  ///
  /// @param url address of the server; may hold user and password
  /// @param experiment its name on the server; created if missing
  /// @throws dev.nudge.settings.InputException if the address is invalid
  /// @throws RunException if the server cannot be reached or refuses
  public static List<Sent> send(List<StoredRun> runs, String url, String experiment) {
    try (Mlflow server = Mlflow.at(url)) {
      MlflowExport export = new MlflowExport(server, experiment);
      String id = export.experiment();
      return runs.stream().map(run -> export.run(run, id)).toList();
    } catch (Mlflow.NotFound e) {
      throw new RunException(String.valueOf(e.getMessage()), e);
    }
  }

  private String experiment() {
    try {
      return server
          .get("experiments/get-by-name", "experiment_name", experiment)
          .path("experiment")
          .path("experiment_id")
          .asString("");
    } catch (Mlflow.NotFound e) {
      return server
          .post("experiments/create", Map.of("name", experiment))
          .path("experiment_id")
          .asString("");
    }
  }

  private Sent run(StoredRun run, String experimentId) {
    RunSummary summary = run.summary();
    long start = TensorBoardEvents.start(run).toEpochMilli();
    Map<String, @Nullable Object> create = new LinkedHashMap<>();
    create.put("experiment_id", experimentId);
    create.put("run_name", summary.name());
    create.put("start_time", start);
    create.put("tags", tags(run));
    String id =
        server.post("runs/create", create).path("run").path("info").path("run_id").asString("");
    List<Map<String, Object>> metrics = metrics(run, start);
    batches(id, "params", parameters(run), MOST_PARAMETERS);
    batches(id, "metrics", metrics, MOST_METRICS);
    Map<String, @Nullable Object> update = new LinkedHashMap<>();
    update.put("run_id", id);
    update.put("status", status(summary.state()));
    if (summary.state() != RunStatus.RUNNING) {
      Double seconds = summary.seconds();
      update.put("end_time", start + Math.round((seconds == null ? 0 : seconds) * 1e3));
    }
    server.post("runs/update", update);
    return new Sent(summary.id(), experimentId, id, metrics.size());
  }

  private static String status(RunStatus state) {
    return switch (state) {
      case RUNNING -> "RUNNING";
      case FINISHED -> "FINISHED";
      case FAILED -> "FAILED";
      case STOPPED, KILLED -> "KILLED";
    };
  }

  private static List<Map<String, String>> tags(StoredRun run) {
    Map<String, String> tags = new LinkedHashMap<>();
    tags.put("mlflow.runName", run.summary().name());
    tags.put("mlflow.source.name", "nudge");
    tags.put("nudge.id", run.summary().id());
    tags.put("nudge.state", run.summary().state().word());
    tags.put("nudge.folder", run.folder().toString());
    tags.put("nudge.version", run.run().path("versions").path("nudge").asString("unknown"));
    tags.put("nudge.machine", run.run().path("machine").asString("unknown"));
    run.run()
        .path("digests")
        .properties()
        .forEach(
            digest -> {
              if (digest.getValue().isString()) {
                tags.put("nudge.digest." + digest.getKey(), digest.getValue().asString());
              }
            });
    return pairs(tags);
  }

  private static List<Map<String, String>> parameters(StoredRun run) {
    Map<String, String> parameters = new LinkedHashMap<>();
    run.summary()
        .settings()
        .properties()
        .forEach(
            setting -> {
              if (!setting.getValue().isNull()) {
                String value = RunComparison.shown(setting.getValue());
                parameters.put(
                    setting.getKey(), value.substring(0, Math.min(LONGEST, value.length())));
              }
            });
    return pairs(parameters);
  }

  private static List<Map<String, String>> pairs(Map<String, String> values) {
    List<Map<String, String>> pairs = new ArrayList<>();
    values.forEach((key, value) -> pairs.add(new TreeMap<>(Map.of("key", key, "value", value))));
    return pairs;
  }

  private static List<Map<String, Object>> metrics(StoredRun run, long start) {
    List<Map<String, Object>> points = new ArrayList<>();
    double seconds = 0;
    for (JsonNode row : run.metrics()) {
      seconds += row.path("seconds").asDouble(0);
      long time = start + Math.round(seconds * 1e3);
      for (String key : TRAIN) {
        point(points, row, key, "train/" + key, time);
      }
      point(points, row, "tokens_per_s", "tokens_per_s", time);
      point(points, row, "eval_loss", "eval/loss", time);
    }
    return points;
  }

  private static void point(
      List<Map<String, Object>> points, JsonNode row, String key, String name, long time) {
    if (row.path(key).isNumber()) {
      Map<String, Object> point = new LinkedHashMap<>();
      point.put("key", name);
      point.put("value", row.path(key).asDouble());
      point.put("timestamp", time);
      point.put("step", row.path("step").asLong(0));
      points.add(point);
    }
  }

  private void batches(String runId, String kind, List<? extends Object> all, int most) {
    IntStream.iterate(0, from -> from < all.size(), from -> from + most)
        .forEach(
            from ->
                server.post(
                    "runs/log-batch",
                    Map.of(
                        "run_id",
                        runId,
                        kind,
                        all.subList(from, Math.min(all.size(), from + most)))));
  }
}
