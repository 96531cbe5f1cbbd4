package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.server.Place.Reply;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/responses` says what the chat says.
@Timeout(1800)
class ResponsesTest {
  private static final String RESPOND = "/v1/responses";
  @RegisterExtension private static final Place place = Place.open();

  private static Reply respond(String body) {
    return place.post(RESPOND, body.replace('\'', '"'));
  }

  private static JsonNode chat(String messages, int tokens) {
    Reply reply =
        place.post(
            "/v1/chat/completions",
            "{'model': 'one', 'temperature': 0, 'max_tokens': %d, 'messages': %s}"
                .formatted(tokens, messages)
                .replace('\'', '"'));
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    return reply.json();
  }

  @Test
  void aTextIsAnsweredAsAChatIs() {
    JsonNode chat = chat("[{'role': 'user', 'content': 'the pump'}]", 12);
    Reply reply =
        respond(
            "{'model': 'one', 'temperature': 0, 'max_output_tokens': 12, 'input': 'the pump',"
                + " 'metadata': {'a': 'b'}, 'store': false}");
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    assertThat(reply.header("X-Adapter")).isEqualTo("one");
    JsonNode response = reply.json();
    assertThat(response.at("/output/0/content/0/text"))
        .isEqualTo(chat.at("/choices/0/message/content"));
    assertThat(response.at("/output/0/content/0/type").asString()).isEqualTo("output_text");
    assertThat(response.at("/output/0/role").asString()).isEqualTo("assistant");
    assertThat(response.get("object").asString()).isEqualTo("response");
    assertThat(response.get("id").asString()).startsWith("resp_");
    assertThat(response.get("created_at").asLong()).isPositive();
    assertThat(response.at("/adapter/name").asString()).isEqualTo("one");
    assertThat(response.at("/metadata/a").asString()).isEqualTo("b");
    assertThat(response.at("/usage/input_tokens")).isEqualTo(chat.at("/usage/prompt_tokens"));
    assertThat(response.at("/usage/output_tokens")).isEqualTo(chat.at("/usage/completion_tokens"));
    boolean cut = chat.at("/choices/0/finish_reason").asString().equals("length");
    assertThat(response.get("status").asString()).isEqualTo(cut ? "incomplete" : "completed");
    assertThat(response.at("/incomplete_details/reason").asString(""))
        .isEqualTo(cut ? "max_output_tokens" : "");
  }

  @Test
  void messagesAndInstructionsAreTheChatsMessages() {
    JsonNode chat =
        chat(
            "[{'role': 'system', 'content': 'be short'}, {'role': 'user', 'content': 'hi'},"
                + " {'role': 'assistant', 'content': 'yes'}, {'role': 'user', 'content': 'pump'}]",
            8);
    JsonNode response =
        respond(
                "{'model': 'one', 'temperature': 0, 'max_output_tokens': 8, 'instructions': 'be"
                    + " short', 'input': [{'role': 'user', 'content': 'hi'}, {'type': 'reasoning',"
                    + " 'summary': []}, {'type': 'message', 'role': 'assistant', 'content':"
                    + " [{'type': 'output_text', 'text': 'yes'}]}, {'role': 'user', 'content':"
                    + " [{'type': 'input_text', 'text': 'pump'}]}]}")
            .json();
    assertThat(response.at("/output/0/content/0/text"))
        .isEqualTo(chat.at("/choices/0/message/content"));
    assertThat(response.at("/usage/input_tokens")).isEqualTo(chat.at("/usage/prompt_tokens"));
  }

  @Test
  void aStreamTellsTheSameInOpenAisEvents() {
    String body = "{'model': 'one', 'temperature': 0, 'max_output_tokens': 12, 'input': 'the pump'";
    ObjectNode whole = (ObjectNode) respond(body + "}").json();
    Reply reply = respond(body + ", 'stream': true}");
    assertThat(reply.header("Content-Type")).startsWith("text/event-stream");
    List<JsonNode> events =
        reply
            .text()
            .lines()
            .filter(line -> line.startsWith("data: "))
            .map(line -> (JsonNode) Place.JSON.readTree(line.substring("data: ".length())))
            .toList();
    List<String> kinds = events.stream().map(event -> event.get("type").asString()).toList();
    assertThat(kinds.stream().distinct())
        .containsExactly(
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response." + whole.get("status").asString());
    assertThat(reply.text().lines().filter(line -> line.startsWith("event: ")))
        .containsExactlyElementsOf(kinds.stream().map(kind -> "event: " + kind).toList());
    StringBuilder said = new StringBuilder();
    for (int i = 0; i < events.size(); i++) {
      assertThat(events.get(i).get("sequence_number").asInt()).isEqualTo(i);
      said.append(events.get(i).path("delta").asString(""));
    }
    String text = whole.at("/output/0/content/0/text").asString();
    assertThat(said).hasToString(text);
    assertThat(events.get(kinds.indexOf("response.output_text.done")).get("text").asString())
        .isEqualTo(text);
    ObjectNode last = (ObjectNode) events.getLast().get("response");
    assertThat(last.at("/output/0/id"))
        .isEqualTo(events.get(kinds.indexOf("response.output_item.added")).at("/item/id"));
    for (ObjectNode one : List.of(whole, last)) {
      one.remove(List.of("id", "created_at"));
      ((ObjectNode) one.at("/output/0")).remove("id");
      ((ObjectNode) one.at("/usage")).remove("input_tokens_details"); // the second finds keys
    }
    assertThat(last).isEqualTo(whole);
  }

  @Test
  void aSchemaHoldsTheAnswer() {
    Reply reply =
        respond(
            "{'model': 'base', 'max_output_tokens': 40, 'input': 'pump', 'seed': 1, 'text':"
                + " {'format': {'type': 'json_schema', 'name': 'n', 'schema': {'enum': ['water',"
                + " 'oil']}}}}");
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    assertThat(reply.json().at("/output/0/content/0/text").asString()).isIn("\"water\"", "\"oil\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'previous_response_id': 'resp_1' | previous_response_id | 'previous_response_id' is not"
            + " supported by /v1/responses: this server keeps no answers; send the conversation in"
            + " 'input'",
        "'conversation': 'c' | conversation | 'conversation' is not supported",
        "'store': true | store | 'store' is not supported by /v1/responses: this server keeps no"
            + " answers",
        "'background': true | background | 'background' is not supported",
        "'tools': [{'type': 'web_search'}] | tools | 'tools' is not supported by /v1/responses: ask"
            + " /v1/chat/completions, which has it",
        "'tool_choice': 'required' | tool_choice | 'tool_choice' is not supported",
        "'include': ['reasoning.encrypted_content'] | include | 'include' is not supported",
        "'truncation': 'auto' | truncation | 'truncation' is not supported",
        "'max_output_tokens': 0 | max_output_tokens | 'max_output_tokens' is 0; it must be",
        "'temperature': 'warm' | temperature | 'temperature' is",
        "'text': {'format': {'type': 'grammar'}} | text.format | 'text.format' has the type"
            + " 'grammar'",
        "'text': {'format': {'type': 'json_schema', 'schema': {'type': 'nothing'}}} | text.format |"
            + " 'text.format': ",
      })
  void whatItDoesNotKnowIsRefusedByTheNameOfItsField(String more, String field, String message) {
    Reply reply = respond("{'model': 'base', 'input': 'pump', " + more + "}");
    assertThat(reply.status()).as(reply.text()).isEqualTo(400);
    assertThat(reply.error("param")).isEqualTo(field);
    assertThat(reply.error("message")).startsWith(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | 'input' is missing; give a text, or a list of messages",
        "{'input': []} | 'input' is empty; give at least one message",
        "{'input': 3} | 'input' is 3; it must be a text or a list of messages",
        "{'input': [{'type': 'function_call_output', 'output': 'x'}]} | 'input[0]' has the type"
            + " 'function_call_output' and the role ''",
        "{'input': [{'role': 'user', 'content': [{'type': 'input_image', 'image_url': 'x'}]}]} |"
            + " 'input[0].content' has a part of the type 'input_image'; the model reads texts",
      })
  void anInputThatIsNoConversationIsRefused(String more, String message) {
    Reply reply = respond("{'model': 'base', " + more.substring(1).strip());
    reply = more.equals("{}") ? respond("{'model': 'base'}") : reply;
    assertThat(reply.status()).as(reply.text()).isEqualTo(400);
    assertThat(reply.error("param")).isEqualTo("input");
    assertThat(reply.error("message")).startsWith(message);
  }
}
