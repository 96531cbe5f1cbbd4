package dev.nudge.chat;

import dev.nudge.settings.SamplingSettings;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A conversation that waits for an answer, and how it is to be answered.
///
/// @param messages in OpenAI's form: objects with `role` and `content`, in order
/// @param tools in OpenAI's form; null: none
/// @param toolChoice `auto`, `none`, `required` or an object that names a function; null: `auto`
/// @param jsonSchema that the answer is held to; null: any text
/// @param adapter a name, a folder or a reference of the registry; null: the assistant's own
/// @param client whose turn it takes where questions wait
/// @param variables more names for the template, such as `enable_thinking`; null: none
/// @param sampling of which `n`, `regex` and `jsonSchema` do not count here
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

  /// A conversation that is answered with the likeliest tokens, 256 at most.
  public static Question of(ArrayNode messages) {
    return new Question(messages, null, null, null, null, "", null, SamplingSettings.greedy());
  }

  /// A conversation of one message of the user.
  public static Question of(String message) {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    messages.addObject().put("role", "user").put("content", message);
    return of(messages);
  }

  /// With tools.
  ///
  /// @param choice null: `auto`
  public Question withTools(@Nullable ArrayNode given, @Nullable JsonNode choice) {
    return new Question(messages, given, choice, jsonSchema, adapter, client, variables, sampling);
  }

  /// Held to a JSON schema; null: to nothing.
  public Question withJsonSchema(@Nullable String schema) {
    return new Question(messages, tools, toolChoice, schema, adapter, client, variables, sampling);
  }

  /// Through an adapter; null: the assistant's own.
  public Question withAdapter(@Nullable String name) {
    return new Question(messages, tools, toolChoice, jsonSchema, name, client, variables, sampling);
  }

  /// For a client.
  public Question withClient(String name) {
    return new Question(
        messages, tools, toolChoice, jsonSchema, adapter, name, variables, sampling);
  }

  /// With more names for the template; null: none.
  public Question withVariables(@Nullable ObjectNode names) {
    return new Question(messages, tools, toolChoice, jsonSchema, adapter, client, names, sampling);
  }

  /// Sampled in another way.
  public Question withSampling(SamplingSettings how) {
    return new Question(messages, tools, toolChoice, jsonSchema, adapter, client, variables, how);
  }
}
