package dev.nudge.server.replies;

import dev.nudge.chat.AnswerText;
import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Sse;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Replies in OpenAI's Responses format: an object whose `output` has a reasoning item and a
/// message item, or the stream of events that builds it.
public final class ResponseReply extends Reply {
  private final Tokenizer tokenizer;
  private final AnswerText answer;
  private final Fields asked;
  private final boolean stored;
  private final ArrayNode output = JsonNodeFactory.instance.arrayNode();
  private final StringBuilder text = new StringBuilder(); // of the item that is open
  private @Nullable Item open;
  private String id = ""; // of the item that is open
  private @Nullable String cutBy; // why the answer ended early
  private int sequence;

  /// The type of an item, with the names of its parts and events.
  private enum Item {
    MESSAGE("message", "msg_", "output_text"),
    REASONING("reasoning", "rs_", "reasoning_text");

    final String type;
    final String prefix;
    final String part;

    Item(String type, String prefix, String part) {
      this.type = type;
      this.prefix = prefix;
      this.part = part;
    }
  }

  /// @param asked the request body, whose settings are echoed
  /// @param stored whether the answer is captured
  public ResponseReply(
      Exchange exchange,
      Heading heading,
      Form form,
      Tokenizer tokenizer,
      AnswerText answer,
      Fields asked,
      boolean stored) {
    super(exchange, heading, form, "response");
    this.tokenizer = tokenizer;
    this.answer = answer;
    this.asked = asked;
    this.stored = stored;
  }

  @Override
  void first() throws IOException {
    for (String kind : List.of("response.created", "response.in_progress")) {
      tell(kind, event -> event.set("response", response("in_progress")));
    }
  }

  @Override
  void piece(int choice, String more, List<TokenLogprob> tokens) throws IOException {
    for (AnswerText.Part part : answer.push(more)) {
      take(part);
    }
  }

  @Override
  void done(int choice, Completion completion) throws IOException {
    for (AnswerText.Part part : answer.end()) {
      take(part);
    }
    String finish = Reply.finish(completion.stop());
    cutBy =
        switch (finish) {
          case "stop" -> null;
          case "length" -> "max_output_tokens";
          default -> finish;
        };
    if (open == null || (open != Item.MESSAGE && cutBy == null)) {
      turn(Item.MESSAGE); // an empty one, unless reasoning was cut off
    }
    close();
  }

  @Override
  ObjectNode whole(Usage usage) {
    ObjectNode response = response(status());
    if (cutBy != null) {
      response.putObject("incomplete_details").put("reason", cutBy);
    }
    response.set("usage", usage(usage));
    return response;
  }

  @Override
  void last(Usage usage, Sse ending) throws IOException {
    tell("response." + status(), event -> event.set("response", whole(usage)));
  }

  @Override
  JsonNode answer(int choice) {
    return ChatReply.message(answer);
  }

  private String status() {
    return cutBy == null ? "completed" : "incomplete";
  }

  private void take(AnswerText.Part part) throws IOException {
    switch (part) {
      case AnswerText.Part.Content(String more) -> take(Item.MESSAGE, more);
      case AnswerText.Part.Reasoning(String more) -> take(Item.REASONING, more);
      case AnswerText.Part.ToolCall _ -> {} // tools are refused
    }
  }

  private void take(Item item, String more) throws IOException {
    if (item != open) {
      turn(item);
    }
    text.append(more);
    tellPart("response." + item.part + ".delta", event -> event.put("delta", more));
  }

  /// Closes the open item and opens another.
  private void turn(Item item) throws IOException {
    close();
    open = item;
    id = item.prefix + Exchange.random();
    text.setLength(0);
    tell("response.output_item.added", event -> place(event).set("item", item("in_progress")));
    tellPart("response.content_part.added", event -> event.set("part", part(item)));
  }

  private void close() throws IOException {
    Item item = open;
    if (item == null) {
      return;
    }
    tellPart("response." + item.part + ".done", event -> event.put("text", text.toString()));
    tellPart("response.content_part.done", event -> event.set("part", part(item)));
    ObjectNode ended = item(status());
    tell("response.output_item.done", event -> place(event).set("item", ended));
    output.add(ended);
    open = null;
  }

  private ObjectNode item(String status) {
    Item item = Objects.requireNonNull(open);
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    object.put("id", id).put("type", item.type).put("status", status);
    if (item == Item.MESSAGE) {
      object.put("role", "assistant");
    } else {
      object.putArray("summary");
    }
    ArrayNode content = object.putArray("content");
    if (!status.equals("in_progress")) {
      content.add(part(item));
    }
    return object;
  }

  private ObjectNode part(Item item) {
    ObjectNode part = JsonNodeFactory.instance.objectNode();
    part.put("type", item.part).put("text", text.toString());
    if (item == Item.MESSAGE) {
      part.putArray("annotations");
      part.putArray("logprobs");
    }
    return part;
  }

  private ObjectNode place(ObjectNode event) {
    return event.put("output_index", output.size());
  }

  private interface Filler {
    void fill(ObjectNode event);
  }

  private void tellPart(String kind, Filler filler) throws IOException {
    tell(
        kind,
        event -> {
          place(event).put("item_id", id).put("content_index", 0);
          filler.fill(event);
          if (kind.startsWith("response.output_text.")) {
            event.putArray("logprobs");
          }
        });
  }

  private void tell(String kind, Filler filler) throws IOException {
    Sse to = sse();
    if (to != null) {
      ObjectNode event = JsonNodeFactory.instance.objectNode();
      event.put("type", kind).put("sequence_number", sequence++);
      filler.fill(event);
      to.event(kind, event);
    }
  }

  private ObjectNode response(String status) {
    ObjectNode response = heading.object("response");
    response.remove("created");
    response.put("created_at", heading.created()).put("status", status);
    response.putNull("error").putNull("incomplete_details");
    for (String given : List.of("instructions", "max_output_tokens", "user")) {
      response.set(given, or(given, JsonNodeFactory.instance.nullNode()));
    }
    response.set("metadata", or("metadata", JsonNodeFactory.instance.objectNode()));
    response.set("output", output.deepCopy());
    response.put("parallel_tool_calls", true).putNull("previous_response_id").put("store", stored);
    response.set("temperature", or("temperature", JsonNodeFactory.instance.numberNode(1.0)));
    response.set("top_p", or("top_p", JsonNodeFactory.instance.numberNode(1.0)));
    ObjectNode text = JsonNodeFactory.instance.objectNode();
    text.putObject("format").put("type", "text");
    response.set("text", or("text", text));
    response.put("tool_choice", "auto").put("truncation", "disabled").putArray("tools");
    if (exchange.warning() != null) {
      response.put("warning", exchange.warning());
    }
    return response.putNull("usage");
  }

  private JsonNode or(String field, JsonNode otherwise) {
    JsonNode given = asked.node(field);
    return given == null ? otherwise : given;
  }

  @Override
  ObjectNode usage(Usage spent) {
    ObjectNode usage = JsonNodeFactory.instance.objectNode();
    usage.put("input_tokens", spent.promptTokens());
    usage.putObject("input_tokens_details").put("cached_tokens", spent.cachedTokens());
    usage.put("output_tokens", spent.completionTokens());
    usage
        .putObject("output_tokens_details")
        .put("reasoning_tokens", ChatReply.tokens(answer.thought(), tokenizer));
    return usage.put("total_tokens", spent.promptTokens() + spent.completionTokens());
  }
}
