package dev.nudge.server;

import dev.nudge.engine.Limits;
import dev.nudge.engine.Load;
import dev.nudge.generate.AdapterCache;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.metrics.PrometheusMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// `GET /health`, `/metrics` and `/version`.
///
/// @param stopping whether the server is shutting down
record StateRoutes(
    ServerContext shared, PrometheusMetrics metrics, Running adapters, BooleanSupplier stopping) {
  private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";

  Routes add(Routes routes) {
    return routes
        .open("GET", "/health", this::health)
        .client("GET", "/metrics", this::metrics)
        .open("GET", "/version", this::version);
  }

  private void health(Exchange exchange) {
    if (stopping.getAsBoolean()) {
      throw ApiException.stopping();
    }
    ObjectNode reply = JsonNodeFactory.instance.objectNode().put("status", "ok");
    int unusable = shared.adapters().unusable().size();
    if (unusable > 0) { // no names: GET /v1/registry/adapters has them
      reply.put("unusable_aliases", unusable);
    }
    exchange.reply(reply);
  }

  private void version(Exchange exchange) {
    String version = StateRoutes.class.getPackage().getImplementationVersion();
    exchange.reply(
        JsonNodeFactory.instance
            .objectNode()
            .put("version", version == null ? "development" : version)
            .put("changes", shared.settings().changes().name().toLowerCase(Locale.ROOT)));
  }

  /// Writes metrics; with API keys, only for a key that may use all adapters.
  private void metrics(Exchange exchange) {
    if (exchange.client().allowed() != null) {
      throw ApiException.forbidden(
          null,
          "not_allowed",
          "this key may use some adapters alone; metrics are for those that may all");
    }
    Load stats = shared.session().serving().stats();
    AdapterCache cache = shared.session().cache();
    int loaded = cache.loaded().size();
    List<PrometheusMetrics.Gauge> gauges = new ArrayList<>();
    gauge(gauges, "vllm:num_requests_running", stats.running());
    gauge(gauges, "vllm:num_requests_waiting", stats.waiting());
    double blocks = stats.keyBlocks();
    gauge(gauges, "vllm:kv_cache_usage_perc", blocks == 0 ? 0 : stats.keyBlocksUsed() / blocks);
    counter(gauges, "vllm:prefix_cache_queries_total", (double) stats.promptTokens());
    counter(gauges, "vllm:prefix_cache_hits_total", (double) stats.cachedTokens());
    gauges.add(
        new PrometheusMetrics.Gauge(
            "vllm:cache_config_info",
            "gauge",
            "block_size=\"%d\",num_gpu_blocks=\"%d\"".formatted(Limits.BLOCK, stats.keyBlocks()),
            1));
    gauges.add(
        new PrometheusMetrics.Gauge(
            "vllm:lora_requests_info",
            "gauge",
            "max_lora=\"%d\",running_lora_adapters=\"%s\",waiting_lora_adapters=\"\""
                .formatted(Math.max(1, loaded), String.join(",", adapters.names())),
            System.currentTimeMillis() / 1000.0));
    shared.extension().metrics(gauges);
    gauge(gauges, "nudge:adapters_loaded", loaded);
    gauge(gauges, "nudge:adapter_bytes", (double) cache.bytes());
    exchange.reply(200, TEXT, metrics.text(gauges));
  }

  private static void gauge(List<PrometheusMetrics.Gauge> gauges, String name, double value) {
    gauges.add(new PrometheusMetrics.Gauge(name, "gauge", "", value));
  }

  private static void counter(List<PrometheusMetrics.Gauge> gauges, String name, double value) {
    gauges.add(new PrometheusMetrics.Gauge(name, "counter", "", value));
  }
}
