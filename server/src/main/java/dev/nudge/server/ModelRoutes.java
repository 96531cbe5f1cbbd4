package dev.nudge.server;

import dev.nudge.data.rows.RowPattern;
import dev.nudge.server.http.Client;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Served;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// `GET /v1/models` and `GET /v1/models/{id}`: the base and the adapters that a client may use.
///
/// @param created Unix time in seconds when the server started
record ModelRoutes(ServerContext shared, long created) {
  private static final String PATH = "/v1/models";

  Routes add(Routes routes) {
    return routes.client("GET", PATH, this::list).client("GET", PATH + "/*", this::one);
  }

  private void list(Exchange exchange) {
    ObjectNode reply = JsonNodeFactory.instance.objectNode().put("object", "list");
    ArrayNode data = reply.putArray("data");
    String base = shared.settings().baseName();
    if (exchange.client().may(base, base)) {
      data.add(card(base, shared.base(base)));
    }
    for (ServedAdapters.Card card : shared.adapters().list()) {
      Client client = exchange.client();
      if (client.mayAsk(card.id()) && shared.may(client, card.id(), card.served())) {
        data.add(card(card.id(), card.served()));
      }
    }
    exchange.reply(reply);
  }

  private void one(Exchange exchange) {
    String id = exchange.path().substring(PATH.length() + 1);
    exchange.reply(card(id, shared.find(exchange, id)));
  }

  private ObjectNode card(String id, Served served) {
    ObjectNode card = JsonNodeFactory.instance.objectNode();
    card.put("id", id).put("object", "model").put("created", created).put("owned_by", "nudge");
    card.put("root", served.isBase() ? id : served.name());
    card.put("parent", served.isBase() ? null : shared.settings().baseName());
    card.put("max_model_len", shared.session().maxLength());
    if (served.version() != null) {
      card.put("version", served.version());
    }
    if (served.digest() != null) {
      card.put("digest", served.digest());
    }
    AdapterForm form = AdapterForm.of(served);
    Boolean conversations = form.conversations();
    if (conversations != null) {
      card.put("form", conversations ? "messages" : "prompts");
    }
    RowPattern pattern = form.pattern();
    if (pattern != null) {
      card.put("pattern", pattern.render(column -> "{" + column + "}"));
      pattern.columns().forEach(card.putArray("columns")::add);
    }
    card.putArray("permission");
    return card;
  }
}
