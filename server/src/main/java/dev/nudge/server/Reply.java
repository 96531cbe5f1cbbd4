package dev.nudge.server;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import java.io.IOException;
import java.util.List;

/// Turns an answer into what the client gets, as it comes.
///
/// Threading: the thread of the request.
interface Reply {
  /// The prompt's tokens, before all else, where the request wants them told.
  default void prompt(int choice, List<TokenLogprob> tokens) {}

  /// Text of a choice, whole characters and no beginning of a stop string.
  ///
  /// @param tokens those that came since the last piece, where the request wants them told
  void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException;

  /// A choice has ended.
  void done(int choice, Completion completion) throws IOException;

  /// All have ended.
  void end(Exchange.Spent spent) throws IOException;

  /// Nothing came for a while.
  default void idle() throws IOException {}

  /// Why a choice ended, in OpenAI's words.
  static String finish(Completion.Stop stop) {
    return switch (stop) {
      case EOS, STRING, TOKEN -> "stop";
      case LENGTH -> "length";
      case INTERRUPTED -> "abort"; // as vLLM has it
    };
  }
}
