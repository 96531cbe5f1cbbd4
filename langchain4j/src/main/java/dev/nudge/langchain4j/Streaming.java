package dev.nudge.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.nudge.chat.Answer;
import dev.nudge.chat.AnswerListener;
import dev.nudge.chat.AnswerText;
import dev.nudge.generate.Serving;
import org.jspecify.annotations.Nullable;

/// Forwards the events of an answer to a LangChain4j handler.
///
/// Threading: events come from one thread at a time; the handle may be used by any.
final class Streaming implements AnswerListener, StreamingHandle {
  private final ChatRequest request;
  private final StreamingChatResponseHandler handler;
  private Serving.@Nullable Running running;
  private boolean cancelled;

  Streaming(ChatRequest request, StreamingChatResponseHandler handler) {
    this.request = request;
    this.handler = handler;
  }

  /// Sets the generation that [#cancel] ends; events may have arrived before.
  synchronized void runs(Serving.Running answer) {
    running = answer;
    if (cancelled) {
      answer.cancel();
    }
  }

  @Override
  public synchronized void cancel() {
    cancelled = true;
    if (running != null) {
      running.cancel();
    }
  }

  @Override
  public synchronized boolean isCancelled() {
    return cancelled;
  }

  @Override
  public void part(AnswerText.Part part) {
    if (isCancelled()) {
      return;
    }
    switch (part) {
      case AnswerText.Part.Content(String text) ->
          handler.onPartialResponse(new PartialResponse(text), new PartialResponseContext(this));
      case AnswerText.Part.Reasoning(String text) ->
          handler.onPartialThinking(new PartialThinking(text), new PartialThinkingContext(this));
      case AnswerText.Part.ToolCall(int index, AnswerText.Call call) ->
          handler.onCompleteToolCall(new CompleteToolCall(index, Responses.call(call)));
    }
  }

  @Override
  public void done(Answer answer) {
    if (isCancelled()) {
      return;
    }
    try {
      handler.onCompleteResponse(Responses.of(request, answer));
    } catch (RuntimeException e) { // such as a failed tool of an AI service
      handler.onError(e);
    }
  }

  @Override
  public void failed(Throwable failure) {
    if (!isCancelled()) {
      handler.onError(failure instanceof RuntimeException e ? Responses.failure(e) : failure);
    }
  }
}
