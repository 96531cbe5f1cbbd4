package dev.nudge.chat;

import dev.nudge.settings.verb.SamplingSettings;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A conversation to answer, with its tools, adapter and sampling.
///
/// @param messages in OpenAI's form: objects with `role` and `content`, in order
/// @param tools in OpenAI's form; null: none
/// @param toolChoice `auto`, `none`, `required` or an object that names a function; null: `auto`
/// @param jsonSchema JSON schema that constrains the answer; null: none
/// @param adapter a name, a folder or a registry reference; null: the assistant's default
/// @param client client in whose name the question queues
/// @param variables more template variables, such as `enable_thinking`; null: none
/// @param sampling its `n`, `regex` and `jsonSchema` are ignored
public record Question(
    ArrayNode messages,
    @Nullable ArrayNode tools,
    @Nullable JsonNode toolChoice,
    @Nullable String jsonSchema,
    @Nullable String adapter,
    String client,
    @Nullable ObjectNode variables,
    SamplingSettings sampling) {

  public Question {
    messages = messages.deepCopy();
  }

  /// Makes a question that is answered by greedy decoding, up to 256 tokens.
  public static Question of(ArrayNode messages) {
    return new Question(messages, null, null, null, null, "", null, SamplingSettings.greedy());
  }

  /// Makes a question of one user message.
  public static Question of(String message) {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    messages.addObject().put("role", "user").put("content", message);
    return of(messages);
  }

  /// Copies the question with tools.
  ///
  /// @param choice null: `auto`
  public Question withTools(@Nullable ArrayNode given, @Nullable JsonNode choice) {
    return new Question(messages, given, choice, jsonSchema, adapter, client, variables, sampling);
  }

  /// Copies the question with a JSON schema that constrains the answer; null: none.
  public Question withJsonSchema(@Nullable String schema) {
    return new Question(messages, tools, toolChoice, schema, adapter, client, variables, sampling);
  }

  /// Copies the question with an adapter; null: the assistant's default.
  public Question withAdapter(@Nullable String name) {
    return new Question(messages, tools, toolChoice, jsonSchema, name, client, variables, sampling);
  }

  /// Copies the question with a client.
  public Question withClient(String name) {
    return new Question(
        messages, tools, toolChoice, jsonSchema, adapter, name, variables, sampling);
  }

  /// Copies the question with more template variables; null: none.
  public Question withVariables(@Nullable ObjectNode names) {
    return new Question(messages, tools, toolChoice, jsonSchema, adapter, client, names, sampling);
  }

  /// Copies the question with other sampling settings.
  public Question withSampling(SamplingSettings how) {
    return new Question(messages, tools, toolChoice, jsonSchema, adapter, client, variables, how);
  }
}
