package dev.nudge.server.replies;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.http.Exchange;
import java.io.IOException;
import java.util.List;

/// Listener of a generation that writes the HTTP response.
///
/// Threading: the thread of the request.
public interface Reply {
  /// The prompt's tokens, first of all, if the request wants them.
  default void prompt(int choice, List<TokenLogprob> tokens) {}

  /// Generated text of a choice: whole characters, never the beginning of a stop string.
  ///
  /// @param tokens since the last piece, if the request wants log-probabilities
  void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException;

  /// A choice has ended.
  void done(int choice, Completion completion) throws IOException;

  /// All choices have ended.
  void end(Exchange.Spent spent) throws IOException;

  /// No event for a while.
  default void idle() throws IOException {}

  /// The finish reason in OpenAI's words.
  static String finish(Completion.Stop stop) {
    return switch (stop) {
      case EOS, STRING, TOKEN -> "stop";
      case LENGTH -> "length";
      case INTERRUPTED -> "abort"; // as vLLM has it
    };
  }
}
