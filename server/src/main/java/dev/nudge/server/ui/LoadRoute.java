package dev.nudge.server.ui;

import dev.nudge.engine.Limits;
import dev.nudge.engine.Load;
import dev.nudge.format.Json;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.Session;
import dev.nudge.server.Routes;
import dev.nudge.server.ServerExtension;
import dev.nudge.server.http.Exchange;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// `GET /v1/load`: current load and cumulative counters; the difference of two calls gives rates.
record LoadRoute(Session session, ServerExtension extension) {

  Routes add(Routes routes) {
    return routes.client("GET", "/v1/load", this::load);
  }

  private void load(Exchange exchange) {
    Load stats = session.serving().stats();
    AdapterCache cache = session.cache();
    Map<String, Object> load = new LinkedHashMap<>();
    load.put("at", System.currentTimeMillis());
    load.put("running", stats.running());
    load.put("waiting", stats.waiting());
    load.put("key_blocks_used", stats.keyBlocksUsed());
    load.put("key_blocks", stats.keyBlocks());
    load.put("block_tokens", Limits.BLOCK);
    load.put("prefix_queries", stats.promptTokens());
    load.put("prefix_hits", stats.cachedTokens());
    load.put("prompt_tokens", stats.promptTokens());
    load.put("generation_tokens", stats.generationTokens());
    load.put("adapter_bytes", cache.bytes());
    load.put("adapter_budget", cache.budget());
    boolean all = Dashboard.seesAll(exchange.client());
    load.put("adapters", all ? cache.loaded() : List.of());
    if (all) {
      extension.load(load);
    }
    exchange.reply(Json.tree(load));
  }
}
