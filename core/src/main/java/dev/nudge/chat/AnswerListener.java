package dev.nudge.chat;

/// A callback for a streamed answer, called by one thread at a time. A slow call holds up no other
/// answer; if [#part] throws, its own answer ends as failed.
public interface AnswerListener {
  /// Receives the next part: whole characters and whole tool calls, never the beginning of a tag.
  void part(AnswerText.Part part);

  /// Receives the whole answer; the last call.
  void done(Answer answer);

  /// Receives the failure of the question; the last call.
  void failed(Throwable failure);
}
