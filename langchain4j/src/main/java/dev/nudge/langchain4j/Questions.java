package dev.nudge.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.nudge.chat.AnswerText;
import dev.nudge.chat.Conversation;
import dev.nudge.chat.Overrides;
import dev.nudge.chat.Question;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.SamplingSettings;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/// Converts LangChain4j requests to questions for an assistant.
final class Questions {
  private static final String ANY_OBJECT = "{\"type\":\"object\"}";

  private Questions() {}

  /// @throws InputException if the request has unsupported contents
  static Question of(ChatRequest request, SamplingSettings usual) {
    Conversation conversation = new Conversation();
    request.messages().forEach(message -> add(conversation, message));
    List<ToolSpecification> tools = request.toolSpecifications();
    if (tools != null) {
      tools.forEach(tool -> add(conversation, tool));
    }
    NudgeChatRequestParameters own = NudgeChatRequestParameters.of(request.parameters());
    Map<String, Object> variables = own.variables();
    return Question.of(conversation.messages())
        .withClient(Objects.requireNonNullElse(own.client(), ""))
        .withVariables(variables == null ? null : (ObjectNode) Json.tree(variables))
        .withTools(conversation.tools(), choice(request.toolChoice()))
        .withJsonSchema(schema(request.responseFormat()))
        .withAdapter(named(request.modelName()))
        .withSampling(sampling(request, usual));
  }

  private static @Nullable String named(@Nullable String model) {
    return model == null || model.isEmpty() ? null : model;
  }

  private static void add(Conversation conversation, ChatMessage message) {
    switch (message) {
      case SystemMessage system -> conversation.system(system.text());
      case UserMessage user -> conversation.user(text("a user's message", user.contents()));
      case AiMessage ai ->
          conversation.assistant(
              ai.text(),
              ai.thinking(),
              ai.toolExecutionRequests().stream()
                  .map(call -> new AnswerText.Call(call.id(), call.name(), call.arguments()))
                  .toList());
      case ToolExecutionResultMessage result ->
          conversation.result(
              result.id(), result.toolName(), text("a tool's result", result.contents()));
      default ->
          throw new InputException(
              "a message of the kind %s is not supported; give system, user, AI and tool messages"
                  .formatted(message.type()));
    }
  }

  private static String text(String what, List<Content> contents) {
    return contents.stream()
        .map(
            content -> {
              if (content instanceof TextContent text) {
                return text.text();
              }
              throw new InputException(
                  "%s has a content of the kind %s; text is supported alone"
                      .formatted(what, content.type()));
            })
        .collect(Collectors.joining("\n"));
  }

  private static void add(Conversation conversation, ToolSpecification tool) {
    JsonSchemaElement parameters = tool.parameters();
    conversation.tool(
        tool.name(),
        tool.description(),
        parameters == null ? null : written(parameters, Boolean.TRUE.equals(tool.strict())));
  }

  /// @param strict whether objects must have all their properties and no others
  private static String written(JsonSchemaElement schema, boolean strict) {
    return schema instanceof JsonRawSchema raw
        ? raw.schema()
        : Json.line(open(Json.tree(JsonSchemaElementUtils.toMap(schema, strict))));
  }

  /// Allows any properties in objects that declare none: they are maps, not empty objects.
  private static JsonNode open(JsonNode schema) {
    if (schema instanceof ObjectNode object && object.path("properties").isEmpty()) {
      object.remove("additionalProperties");
    }
    schema.forEach(Questions::open);
    return schema;
  }

  private static @Nullable JsonNode choice(@Nullable ToolChoice choice) {
    return switch (choice) {
      case null -> null;
      case AUTO -> StringNode.valueOf("auto");
      case REQUIRED -> StringNode.valueOf("required");
      case NONE -> StringNode.valueOf("none");
    };
  }

  private static @Nullable String schema(@Nullable ResponseFormat format) {
    if (format == null || format.type() == ResponseFormatType.TEXT) {
      return null;
    }
    return format.jsonSchema() == null
        ? ANY_OBJECT
        : written(format.jsonSchema().rootElement(), true);
  }

  private static SamplingSettings sampling(ChatRequest request, SamplingSettings usual) {
    return new Overrides(
            request.temperature(),
            request.topP(),
            request.topK(),
            request.presencePenalty(),
            request.frequencyPenalty(),
            request.maxOutputTokens(),
            request.stopSequences())
        .over(usual);
  }
}
