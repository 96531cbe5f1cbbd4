package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Served;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// vLLM's routes to load and unload LoRA adapters, and a list of the loaded ones.
record AdapterRoutes(ServerContext shared) {

  Routes add(Routes routes) {
    return routes
        .admin("POST", "/v1/load_lora_adapter", this::load)
        .admin("POST", "/v1/unload_lora_adapter", this::unload)
        .inspect("/v1/lora_adapters", this::list);
  }

  /// Loads an adapter before its name is registered, so a broken one fails here and not at a
  /// client's request.
  private void load(Exchange exchange) {
    Fields fields = exchange.body();
    String name = fields.needed("lora_name");
    String place = fields.needed("lora_path");
    boolean pinned = fields.flag("pinned", false);
    exchange.asked(name);
    boolean inPlace = fields.flag("load_inplace", false);
    Served served = shared.adapters().load(name, place, inPlace, this::check);
    exchange.serve(name, served);
    if (pinned && served.digest() != null) {
      shared.pins().pin(name, served.digest());
    } else {
      shared.pins().unpin(name); // the name may have been pinned
    }
    exchange.reply(
        200, "text/plain", "Success: LoRA adapter '%s' added successfully.".formatted(name));
  }

  private void check(Served served) {
    AdapterCache.Lease lease = shared.lease(served);
    if (lease != null) {
      lease.close(); // it fits this model
    }
  }

  private void unload(Exchange exchange) {
    String name = exchange.body().needed("lora_name");
    exchange.asked(name);
    Served served = shared.adapters().unload(name);
    if (served == null) {
      throw new ApiException(
          404,
          "NotFoundError",
          "lora_name",
          "adapter_not_found",
          0,
          "there is no adapter '%s'; GET /v1/lora_adapters lists what there is"
              .formatted(ApiException.shown(name)));
    }
    exchange.serve(name, served);
    shared.pins().unpin(name);
    exchange.reply(
        200, "text/plain", "Success: LoRA adapter '%s' removed successfully.".formatted(name));
  }

  private void list(Exchange exchange) {
    AdapterCache cache = shared.session().cache();
    ObjectNode reply = JsonNodeFactory.instance.objectNode().put("object", "list");
    reply.put("bytes", cache.bytes()).put("budget_bytes", cache.budget());
    ArrayNode data = reply.putArray("data");
    for (ServedAdapters.Card card : shared.adapters().list()) {
      ObjectNode one = data.addObject().put("id", card.id()).put("object", "lora_adapter");
      Served served = card.served();
      one.put("name", served.name()).put("version", served.version());
      one.put("digest", served.digest());
    }
    ArrayNode loaded = reply.putArray("loaded");
    for (AdapterCache.Loaded one : cache.loaded()) {
      loaded
          .addObject()
          .put("digest", one.digest())
          .put("bytes", one.bytes())
          .put("rank", one.rank())
          .put("leases", one.leases())
          .put("pinned", one.pinned());
    }
    exchange.reply(reply);
  }
}
