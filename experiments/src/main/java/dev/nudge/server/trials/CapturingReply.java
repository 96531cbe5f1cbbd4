package dev.nudge.server.trials;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.ServerExtension;
import dev.nudge.server.capture.Capture;
import dev.nudge.server.capture.CapturedAnswer;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.Reply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A reply whose answer is captured when all choices have ended, streamed or not. Answers that
/// fail, or whose client disconnects earlier, are not captured.
final class CapturingReply implements Reply {
  private final Reply reply;
  private final Capture capture;
  private final ServerExtension.Answer answer;
  private final @Nullable Completion[] completions;

  CapturingReply(Reply reply, Capture capture, ServerExtension.Answer answer) {
    this.reply = reply;
    this.capture = capture;
    this.answer = answer;
    this.completions = new Completion[answer.n()];
  }

  @Override
  public void prompt(int choice, List<TokenLogprob> tokens) {
    reply.prompt(choice, tokens);
  }

  @Override
  public void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException {
    reply.piece(choice, text, tokens);
  }

  @Override
  public void done(int choice, Completion completion) throws IOException {
    completions[choice] = completion;
    reply.done(choice, completion);
  }

  /// Captures before the client has the whole answer, so that feedback never precedes it.
  @Override
  public void end(Exchange.Spent spent) throws IOException {
    List<JsonNode> answers = new ArrayList<>();
    List<String> finish = new ArrayList<>();
    for (int i = 0; i < completions.length; i++) {
      Completion completion = completions[i];
      if (completion != null) {
        answers.add(answer.choices().answer(i, completion));
        finish.add(answer.choices().finish(i, completion));
      }
    }
    Exchange exchange = answer.exchange();
    Heading heading = answer.heading();
    Served served = heading.served();
    capture.answered(
        new CapturedAnswer(
            exchange.requestId(),
            heading.id(),
            exchange.client().name(),
            heading.model(),
            served.name(),
            served.version(),
            served.digest(),
            capture.base(),
            exchange.experiment(),
            exchange.arm(),
            answer.prompt(),
            answer.tools(),
            answers,
            finish));
    reply.end(spent);
  }

  @Override
  public void idle() throws IOException {
    reply.idle();
  }
}
