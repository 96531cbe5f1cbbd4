package dev.nudge.server;

import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Served;
import dev.nudge.text.Tokenizer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// `POST /tokenize` and `POST /detokenize`, compatible with vLLM.
record TokenRoutes(ServerContext shared) {

  Routes add(Routes routes) {
    return routes
        .client("POST", "/tokenize", this::tokenize)
        .client("POST", "/detokenize", this::detokenize);
  }

  private void tokenize(Exchange exchange) {
    Fields fields = exchange.body();
    ArrayNode messages = fields.list("messages");
    int[] ids;
    if (messages == null) {
      String prompt = fields.text("prompt");
      if (prompt == null) {
        throw ApiException.missing("prompt", "'prompt' is missing; give a text, or 'messages'");
      }
      ids = shared.ids("prompt", prompt);
    } else {
      Served served = shared.find(exchange, model(fields));
      ids =
          shared
              .prompt(served, messages, fields.list("tools"), fields.object("chat_template_kwargs"))
              .ids();
    }
    ObjectNode reply = JsonNodeFactory.instance.objectNode();
    reply.put("count", ids.length).put("max_model_len", shared.session().maxLength());
    ArrayNode tokens = reply.putArray("tokens");
    for (int id : ids) {
      tokens.add(id);
    }
    if (fields.flag("return_token_strs", false)) {
      ArrayNode texts = reply.putArray("token_strs");
      Tokenizer tokenizer = shared.session().tokenizer();
      for (int id : ids) {
        texts.add(tokenizer.token(id));
      }
    }
    exchange.reply(reply);
  }

  private void detokenize(Exchange exchange) {
    Fields fields = exchange.body();
    JsonNode given = fields.node("tokens");
    if (given == null) {
      throw ApiException.missing("tokens", "'tokens' is missing; give a list of token ids");
    }
    int[] ids = TextField.tokens("tokens", given, shared.session().config().vocabSize());
    exchange.reply(
        JsonNodeFactory.instance
            .objectNode()
            .put("prompt", shared.session().tokenizer().decode(ids, false)));
  }

  private String model(Fields fields) {
    String model = fields.text("model");
    return model == null ? shared.settings().baseName() : model;
  }
}
