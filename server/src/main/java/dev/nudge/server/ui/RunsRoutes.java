package dev.nudge.server.ui;

import dev.nudge.curves.Curves;
import dev.nudge.format.Json;
import dev.nudge.runs.RunStore;
import dev.nudge.runs.RunSummary;
import dev.nudge.runs.StoredRun;
import dev.nudge.server.Routes;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `GET /v1/runs` and `/v1/runs/{id}`: training runs below some folders, with their loss curves.
///
/// A run is looked up by id among the existing ones, never by a path in a request, and no local
/// path is sent. Only clients that may use every adapter see runs.
///
/// Threading: any thread; folders are read by one thread at a time, as [RunStore] requires.
final class RunsRoutes {
  private static final String PATH = "/v1/runs";
  private static final List<String> SETTINGS =
      List.of(
          "rank",
          "alpha",
          "dropout",
          "targets",
          "rs_lora",
          "learning_rate",
          "schedule",
          "warmup",
          "warmup_from_zero",
          "weight_decay",
          "optimizer",
          "epochs",
          "steps",
          "batch_size",
          "max_length",
          "train_on",
          "seed",
          "compute");

  private final @Nullable RunStore store;

  private RunsRoutes(@Nullable RunStore store) {
    this.store = store;
  }

  /// @param folders empty: no runs
  /// @param warnings receives each unreadable run once
  static RunsRoutes of(List<Path> folders, Consumer<String> warnings) {
    Set<String> told = ConcurrentHashMap.newKeySet();
    return new RunsRoutes(
        folders.isEmpty()
            ? null
            : RunStore.of(
                folders,
                line -> {
                  if (told.add(line)) {
                    warnings.accept(line);
                  }
                }));
  }

  Routes add(Routes routes) {
    return routes.client("GET", PATH, this::list).client("GET", PATH + "/*", this::one);
  }

  private void list(Exchange exchange) {
    check(exchange);
    List<Map<String, @Nullable Object>> data =
        runs().values().stream().map(RunsRoutes::values).toList();
    exchange.reply(Json.tree(Map.of("object", "list", "data", data)));
  }

  private void one(Exchange exchange) {
    check(exchange);
    RunSummary found = runs().get(exchange.path().substring(PATH.length() + 1));
    if (found == null) {
      throw new ApiException(
          404,
          "invalid_request_error",
          null,
          "run_not_found",
          0,
          "there is no such run; GET /v1/runs lists what there is");
    }
    StoredRun run = StoredRun.open(found.folder());
    Map<String, @Nullable Object> all = values(run.summary());
    Map<String, Object> settings = new LinkedHashMap<>();
    JsonNode given = run.summary().settings();
    for (String key : SETTINGS) {
      if (given.hasNonNull(key)) {
        settings.put(key, given.get(key));
      }
    }
    all.put("settings", settings);
    String failure = run.failure();
    if (failure != null) {
      all.put("failure", failure.replace(found.folder().toString(), found.name()));
    }
    Curves curves = run.curves();
    all.put(
        "curves",
        Map.of(
            "train", points(curves.train()),
            "smooth", points(curves.smooth()),
            "held_out", points(curves.heldOut())));
    exchange.reply(Json.tree(all));
  }

  private static void check(Exchange exchange) {
    if (!Dashboard.seesAll(exchange.client())) {
      throw ApiException.forbidden(
          null,
          "not_allowed",
          "this key may use some adapters alone; runs are for those that may all");
    }
  }

  /// Returns the runs by id; among copies of a run, the first.
  private synchronized Map<String, RunSummary> runs() {
    Map<String, RunSummary> runs = new LinkedHashMap<>();
    if (store != null) {
      store.list().forEach(run -> runs.putIfAbsent(run.id(), run));
    }
    return runs;
  }

  private static Map<String, @Nullable Object> values(RunSummary run) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>(run.values());
    values.remove("folder");
    values.remove("settings");
    values.put("model", run.model().substring(run.model().replace('\\', '/').lastIndexOf('/') + 1));
    return values;
  }

  private static List<double[]> points(List<Curves.Point> line) {
    return Curves.thinned(line).stream().map(p -> new double[] {p.step(), p.loss()}).toList();
  }
}
