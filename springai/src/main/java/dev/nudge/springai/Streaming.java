package dev.nudge.springai;

import dev.nudge.chat.Answer;
import dev.nudge.chat.AnswerListener;
import dev.nudge.chat.AnswerText;
import org.springframework.ai.chat.model.ChatResponse;
import reactor.core.publisher.FluxSink;

/// Forwards the events of an answer to a Flux subscriber.
record Streaming(String model, FluxSink<ChatResponse> sink) implements AnswerListener {

  @Override
  public void part(AnswerText.Part part) {
    switch (part) {
      case AnswerText.Part.Content(String text) -> sink.next(Responses.said(model, text));
      case AnswerText.Part.Reasoning(String text) -> sink.next(Responses.thought(model, text));
      case AnswerText.Part.ToolCall _ -> {
        // the last response has all tool calls
      }
    }
  }

  @Override
  public void done(Answer answer) {
    sink.next(Responses.end(model, answer));
    sink.complete();
  }

  @Override
  public void failed(Throwable failure) {
    sink.error(failure);
  }
}
