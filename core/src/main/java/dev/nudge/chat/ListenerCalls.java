package dev.nudge.chat;

import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.Usage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Turns the events of a session's answer into calls of an [AnswerListener].
///
/// Threading: the session's thread of the request.
final class ListenerCalls implements Consumer<AnswerEvent> {
  private final AnswerText text;
  private final @Nullable String adapter;
  private final @Nullable String warning;
  private final AnswerListener listener;
  private @Nullable Completion completion;
  private @Nullable Throwable failure;

  ListenerCalls(
      AnswerText text,
      @Nullable String adapter,
      @Nullable String warning,
      AnswerListener listener) {
    this.text = text;
    this.adapter = adapter;
    this.warning = warning;
    this.listener = listener;
  }

  @Override
  public void accept(AnswerEvent event) {
    switch (event) {
      case AnswerEvent.Prompted _ -> {}
      case AnswerEvent.Piece piece -> tell(() -> text.push(piece.text()).forEach(listener::part));
      case AnswerEvent.Done done -> {
        tell(() -> text.end().forEach(listener::part));
        completion = done.completion();
      }
      case AnswerEvent.Failed failed -> failure = failed.failure();
      case AnswerEvent.Ended ended -> end(ended.usage());
    }
  }

  /// Calls the listener. What it fails with ends the answer, and is told as its failure.
  private void tell(Runnable parts) {
    try {
      parts.run();
    } catch (RuntimeException | Error e) {
      failure = e;
      throw e;
    }
  }

  private void end(Usage usage) {
    Completion whole = completion;
    if (failure != null) {
      listener.failed(failure);
    } else if (whole != null) {
      Answer.End end = end(whole.stop());
      listener.done(
          new Answer(text.said(), text.thought(), text.calls(), end, adapter, warning, usage));
    }
  }

  private Answer.End end(Completion.Stop stop) {
    return switch (stop) {
      case LENGTH -> Answer.End.LENGTH;
      case INTERRUPTED -> Answer.End.CANCELLED;
      case EOS, STRING, TOKEN -> text.calls().isEmpty() ? Answer.End.STOP : Answer.End.TOOL_CALLS;
    };
  }
}
