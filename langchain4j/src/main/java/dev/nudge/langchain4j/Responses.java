package dev.nudge.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.nudge.chat.Answer;
import dev.nudge.chat.AnswerText;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import java.util.UUID;

/// Converts answers to LangChain4j responses.
final class Responses {
  private Responses() {}

  static ChatResponse of(ChatRequest request, Answer answer) {
    AiMessage.Builder message = AiMessage.builder();
    if (!answer.text().isEmpty() || answer.calls().isEmpty()) {
      message.text(answer.text());
    }
    if (!answer.thought().isEmpty()) {
      message.thinking(answer.thought());
    }
    message.toolExecutionRequests(answer.calls().stream().map(Responses::call).toList());
    return ChatResponse.builder()
        .aiMessage(message.build())
        .metadata(
            new NudgeChatResponseMetadata.Builder()
                .adapter(answer.adapter())
                .warning(answer.warning())
                .id("chatcmpl-" + UUID.randomUUID())
                .modelName(request.modelName())
                .tokenUsage(
                    new TokenUsage(
                        answer.usage().promptTokens(), answer.usage().completionTokens()))
                .finishReason(finish(answer.end()))
                .build())
        .build();
  }

  static ToolExecutionRequest call(AnswerText.Call call) {
    return ToolExecutionRequest.builder()
        .id(call.id())
        .name(call.name())
        .arguments(call.arguments())
        .build();
  }

  private static FinishReason finish(Answer.End end) {
    return switch (end) {
      case STOP -> FinishReason.STOP;
      case LENGTH -> FinishReason.LENGTH;
      case TOOL_CALLS -> FinishReason.TOOL_EXECUTION;
      case CANCELLED -> FinishReason.OTHER;
    };
  }

  /// Converts a failure to LangChain4j's retryable or non-retryable exceptions.
  static RuntimeException failure(RuntimeException e) {
    return switch (e) {
      case InputException wrong -> new InvalidRequestException(wrong.getMessage(), wrong);
      case BusyException busy -> new RateLimitException(busy.getMessage(), busy);
      default -> e;
    };
  }
}
