package dev.nudge.chat;

/// Is told of an answer as it comes, by one thread at a time. However long a call takes it holds up
/// no other answer; a part that throws ends its own, which is then told as failed.
public interface AnswerListener {
  /// Takes a part that is certain: whole characters, no beginning of a mark, calls that are whole.
  void part(AnswerText.Part part);

  /// Takes the whole answer; nothing comes after that.
  void done(Answer answer);

  /// Takes what the question failed with; nothing comes after that.
  void failed(Throwable failure);
}
