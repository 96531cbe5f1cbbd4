package dev.nudge.server;

import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.KnownFields;
import dev.nudge.server.replies.Reply;
import dev.nudge.server.replies.ResponseReply;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/responses`: OpenAI's Responses API for text, run as a chat completion. It is
/// stateless: fields that need stored responses are refused by name, and so are tools.
record ResponseRoute(ChatRoute chat) implements Routes.Handler {
  private static final String CHAT = "/v1/chat/completions";
  private static final String KEEPS =
      "this server keeps no answers; send the conversation in 'input'";
  private static final String ELSEWHERE = "ask " + CHAT + ", which has it";
  private static final String NOT_HERE = "leave it out";
  private static final List<String> ROLES = List.of("user", "assistant", "system", "developer");
  private static final List<String> TEXTS = List.of("input_text", "output_text", "text");

  @Override
  public void handle(Exchange exchange) {
    KnownFields.RESPONSE.check(exchange);
    Fields fields = exchange.body();
    ServerExtension extension = chat.shared().extension();
    refuse(fields, extension);
    boolean stream = fields.flag("stream", false);
    Fields asked = chatOf(fields);
    chat.answer(
        exchange,
        new ChatRoute.ChatRequest(asked, "input", "text.format", "resp_"),
        (heading, choices, thinks) ->
            new ResponseReply(
                exchange,
                heading,
                new Reply.Form(1, stream, false),
                chat.shared().session().tokenizer(),
                choices.getFirst(),
                fields,
                extension.keeps(fields)));
  }

  private static void refuse(Fields fields, ServerExtension extension) {
    for (String kept : List.of("previous_response_id", "conversation", "prompt")) {
      refuse(fields.has(kept), kept, KEEPS);
    }
    refuse(fields.flag("store", false) && !extension.keeps(fields), "store", KEEPS);
    refuse(fields.flag("background", false), "background", KEEPS);
    refuse(some(fields, "tools"), "tools", ELSEWHERE);
    JsonNode choice = fields.node("tool_choice");
    String chosen = choice == null ? "auto" : choice.asString("");
    refuse(!List.of("auto", "none").contains(chosen), "tool_choice", ELSEWHERE);
    Long top = fields.whole("top_logprobs", 0, Integer.MAX_VALUE);
    refuse(top != null && top > 0, "top_logprobs", ELSEWHERE);
    refuse(some(fields, "include"), "include", NOT_HERE);
    String cut = ChatRoute.or(fields.text("truncation"), "disabled");
    refuse(!cut.equals("disabled"), "truncation", NOT_HERE);
  }

  private static boolean some(Fields fields, String list) {
    ArrayNode given = fields.list(list);
    return given != null && !given.isEmpty();
  }

  private static void refuse(boolean given, String field, String instead) {
    if (given) {
      throw ApiException.wrong(
          field, "'%s' is not supported by /v1/responses: %s".formatted(field, instead));
    }
  }

  /// Converts the body to that of a chat completion.
  private static Fields chatOf(Fields fields) {
    ObjectNode chat = fields.body().deepCopy();
    chat.remove(List.of("n", "best_of", "logprobs", "top_logprobs", "tools", "tool_choice"));
    chat.remove(List.of("max_tokens", "response_format"));
    Long most = fields.whole("max_output_tokens", 1, Integer.MAX_VALUE);
    chat.remove("max_completion_tokens");
    if (most != null) {
      chat.put("max_completion_tokens", most);
    }
    ObjectNode text = fields.object("text");
    ObjectNode format = text == null ? null : new Fields(text).object("format");
    if (format != null) {
      chat.set("response_format", format(format));
    }
    chat.set("messages", messages(fields));
    return new Fields(chat);
  }

  private static ObjectNode format(ObjectNode format) {
    String type = format.path("type").asString("");
    if (!List.of("text", "json_object", "json_schema").contains(type)) {
      throw ApiException.wrong(
          "text.format",
          "'text.format' has the type '%s'; known are text, json_object, json_schema"
              .formatted(ApiException.shown(type)));
    }
    ObjectNode asked = JsonNodeFactory.instance.objectNode().put("type", type);
    if (type.equals("json_schema")) {
      if (!format.path("schema").isObject()) {
        throw ApiException.wrong(
            "text.format", "'text.format' has no schema that is an object; give it one");
      }
      asked.putObject("json_schema").set("schema", format.get("schema"));
    }
    return asked;
  }

  private static ArrayNode messages(Fields fields) {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    String instructions = fields.text("instructions");
    if (instructions != null) {
      messages.addObject().put("role", "system").put("content", instructions);
    }
    JsonNode input = fields.node("input");
    if (input == null) {
      throw ApiException.missing("input", "'input' is missing; give a text, or a list of messages");
    }
    if (input.isString()) {
      messages.addObject().put("role", "user").put("content", input.stringValue());
    } else if (input instanceof ArrayNode items) {
      if (items.isEmpty()) {
        throw ApiException.wrong("input", "'input' is empty; give at least one message");
      }
      for (int i = 0; i < items.size(); i++) {
        add(messages, items.get(i), "input[" + i + "]");
      }
    } else {
      throw Fields.wrong("input", input, "a text or a list of messages");
    }
    return messages;
  }

  /// Adds a message; reasoning before an earlier answer is dropped, as by templates.
  private static void add(ArrayNode messages, JsonNode item, String where) {
    String type = item.path("type").asString("message");
    if (type.equals("reasoning")) {
      return;
    }
    String role = item.path("role").asString("");
    if (!type.equals("message") || !ROLES.contains(role)) {
      throw ApiException.wrong(
          "input",
          "'%s' has the type '%s' and the role '%s'; it must be a message of %s, and %s has tools"
              .formatted(
                  where,
                  ApiException.shown(type),
                  ApiException.shown(role),
                  String.join(", ", ROLES),
                  CHAT));
    }
    messages.addObject().put("role", role).put("content", text(item.path("content"), where));
  }

  private static String text(JsonNode content, String where) {
    if (content.isString()) {
      return content.stringValue();
    }
    if (!content.isArray()) {
      throw ApiException.wrong(
          "input", "'%s.content' must be a text or a list of texts".formatted(where));
    }
    StringBuilder all = new StringBuilder();
    for (JsonNode part : content) {
      String type = part.path("type").asString("");
      if (!TEXTS.contains(type) || !part.path("text").isString()) {
        throw ApiException.wrong(
            "input",
            "'%s.content' has a part of the type '%s'; the model reads texts: %s"
                .formatted(where, ApiException.shown(type), String.join(", ", TEXTS)));
      }
      all.append(all.isEmpty() ? "" : "\n").append(part.path("text").stringValue());
    }
    return all.toString();
  }
}
