package dev.nudge.springai;

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
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.SystemMessage;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.content.MediaContent;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.definition.ToolDefinition;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/// A Spring AI prompt, converted to a question for an assistant.
///
/// @param model requested model name; empty: none
record PromptQuestion(Question question, String model) {

  /// @param usual default options
  /// @throws InputException if the prompt has unsupported contents
  static PromptQuestion of(Prompt prompt, ChatOptions usual, SamplingSettings sampling) {
    ChatOptions own = prompt.getOptions();
    Options options = new Options(own == null ? usual : own, usual);
    Conversation conversation = new Conversation();
    prompt.getInstructions().forEach(message -> add(conversation, message));
    List<ToolCallback> tools = options.as(ToolCallingChatOptions.class, PromptQuestion::tools);
    for (ToolCallback tool : tools == null ? List.<ToolCallback>of() : tools) {
      ToolDefinition definition = tool.getToolDefinition();
      conversation.tool(definition.name(), definition.description(), definition.inputSchema());
    }
    String model = options.get(ChatOptions::getModel);
    String client = options.as(NudgeChatOptions.class, NudgeChatOptions::getClient);
    Map<String, Object> variables =
        options.as(NudgeChatOptions.class, NudgeChatOptions::getVariables);
    Question question =
        Question.of(conversation.messages())
            .withClient(Objects.requireNonNullElse(client, ""))
            .withVariables(variables == null ? null : (ObjectNode) Json.tree(variables))
            .withTools(
                conversation.tools(),
                choice(prompt, options.as(NudgeChatOptions.class, NudgeChatOptions::getToolChoice)))
            .withJsonSchema(
                options.as(
                    StructuredOutputChatOptions.class,
                    StructuredOutputChatOptions::getOutputSchema))
            .withAdapter(model == null || model.isEmpty() ? null : model)
            .withSampling(options.overrides().over(sampling));
    return new PromptQuestion(question, Objects.requireNonNullElse(model, ""));
  }

  /// Returns the tool callbacks; null if there are none, so that the defaults apply.
  private static @Nullable List<ToolCallback> tools(ToolCallingChatOptions options) {
    List<ToolCallback> tools = options.getToolCallbacks();
    return tools == null || tools.isEmpty() ? null : tools;
  }

  /// Returns the tool choice; a call is not forced again right after its result.
  private static @Nullable JsonNode choice(Prompt prompt, @Nullable String choice) {
    boolean called =
        !prompt.getInstructions().isEmpty()
            && prompt.getInstructions().getLast() instanceof ToolResponseMessage;
    return switch (called && !"none".equals(choice) ? null : choice) {
      case null -> null;
      case "auto", "none", "required" -> StringNode.valueOf(choice);
      default -> {
        ObjectNode named = JsonNodeFactory.instance.objectNode().put("type", "function");
        named.putObject("function").put("name", choice);
        yield named;
      }
    };
  }

  /// A prompt's options, with defaults.
  private record Options(ChatOptions own, ChatOptions usual) {
    <T> @Nullable T get(Function<ChatOptions, @Nullable T> field) {
      T value = field.apply(own);
      return value == null ? field.apply(usual) : value;
    }

    <O, T> @Nullable T as(Class<O> kind, Function<O, @Nullable T> field) {
      return get(options -> kind.isInstance(options) ? field.apply(kind.cast(options)) : null);
    }

    Overrides overrides() {
      return new Overrides(
          get(ChatOptions::getTemperature),
          get(ChatOptions::getTopP),
          get(ChatOptions::getTopK),
          get(ChatOptions::getPresencePenalty),
          get(ChatOptions::getFrequencyPenalty),
          get(ChatOptions::getMaxTokens),
          get(ChatOptions::getStopSequences));
    }
  }

  private static void add(Conversation conversation, Message message) {
    if (message instanceof MediaContent media && !media.getMedia().isEmpty()) {
      throw new InputException(
          "a message has media (%s); text is supported alone"
              .formatted(media.getMedia().iterator().next().getMimeType()));
    }
    switch (message) {
      case SystemMessage system -> conversation.system(text(system));
      case UserMessage user -> conversation.user(text(user));
      case AssistantMessage assistant ->
          conversation.assistant(
              assistant.getText(),
              assistant.getMetadata().get(Responses.THOUGHT) instanceof String thought
                  ? thought
                  : null,
              assistant.getToolCalls().stream()
                  .map(call -> new AnswerText.Call(call.id(), call.name(), call.arguments()))
                  .toList());
      case ToolResponseMessage results ->
          results
              .getResponses()
              .forEach(one -> conversation.result(one.id(), one.name(), one.responseData()));
      default ->
          throw new InputException(
              "a message of the kind %s is not supported; give system, user, assistant and tool messages"
                  .formatted(message.getMessageType()));
    }
  }

  private static String text(Message message) {
    return Objects.requireNonNullElse(message.getText(), "");
  }
}
