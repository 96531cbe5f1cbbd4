package dev.nudge.springai;

import dev.nudge.chat.Answer;
import dev.nudge.chat.AnswerText;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatGenerationMetadata;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;

/// Converts answers to Spring AI responses, with reasoning as message metadata `reasoningContent`,
/// and the adapter's digest and a warning as response metadata `adapter` and `warning`.
final class Responses {
  static final String THOUGHT = "reasoningContent";
  private static final String THOUGHT_MORE = "reasoningDelta"; // a chunk of a stream
  private static final String ADAPTER = "adapter";
  private static final String WARNING = "warning";

  private Responses() {}

  /// Returns the response for a complete answer.
  static ChatResponse whole(String model, Answer answer) {
    return last(model, answer, answer.text());
  }

  /// Returns the last response of a stream.
  static ChatResponse end(String model, Answer answer) {
    return last(model, answer, "");
  }

  /// Returns the response for a chunk of text.
  static ChatResponse said(String model, String text) {
    return piece(model, text, Map.of());
  }

  /// Returns the response for a chunk of reasoning.
  static ChatResponse thought(String model, String text) {
    return piece(model, "", Map.of(THOUGHT_MORE, text));
  }

  private static ChatResponse piece(String model, String text, Map<String, Object> more) {
    AssistantMessage message = AssistantMessage.builder().content(text).properties(more).build();
    return new ChatResponse(
        List.of(new Generation(message)), ChatResponseMetadata.builder().model(model).build());
  }

  private static ChatResponse last(String model, Answer answer, String text) {
    AssistantMessage message =
        AssistantMessage.builder()
            .content(text)
            .properties(answer.thought().isEmpty() ? Map.of() : Map.of(THOUGHT, answer.thought()))
            .toolCalls(answer.calls().stream().map(Responses::call).toList())
            .build();
    int asked = answer.usage().promptTokens();
    int said = answer.usage().completionTokens();
    ChatResponseMetadata.Builder metadata =
        ChatResponseMetadata.builder()
            .id("chatcmpl-" + UUID.randomUUID())
            .model(model)
            .usage(new DefaultUsage(asked, said, asked + said));
    if (answer.adapter() != null) {
      metadata.keyValue(ADAPTER, answer.adapter());
    }
    if (answer.warning() != null) {
      metadata.keyValue(WARNING, answer.warning());
    }
    return new ChatResponse(
        List.of(
            new Generation(
                message,
                ChatGenerationMetadata.builder().finishReason(finish(answer.end())).build())),
        metadata.build());
  }

  private static AssistantMessage.ToolCall call(AnswerText.Call call) {
    return new AssistantMessage.ToolCall(call.id(), "function", call.name(), call.arguments());
  }

  private static String finish(Answer.End end) {
    return switch (end) {
      case STOP -> "STOP";
      case LENGTH -> "LENGTH";
      case TOOL_CALLS -> "TOOL_CALLS";
      case CANCELLED -> "CANCELLED";
    };
  }
}
