package dev.nudge.server;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.capture.Capture;
import dev.nudge.server.capture.CapturedAnswer;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.Reply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// A reply whose answer is captured when all choices have ended, streamed or not. Answers that fail
/// or whose client goes away before are not.
final class CapturingReply implements Reply {
  private final Reply reply;
  private final Capture capture;
  private final Exchange exchange;
  private final Heading heading;
  private final JsonNode prompt;
  private final @Nullable ArrayNode tools;
  private final Choice choices;
  private final @Nullable Completion[] completions;

  /// Makes the text or message of a choice, and its finish reason.
  interface Choice {
    JsonNode answer(int choice, Completion completion);

    String finish(int choice, Completion completion);
  }

  private CapturingReply(
      Reply reply,
      Capture capture,
      Exchange exchange,
      Heading heading,
      JsonNode prompt,
      @Nullable ArrayNode tools,
      Choice choices,
      int n) {
    this.reply = reply;
    this.capture = capture;
    this.exchange = exchange;
    this.heading = heading;
    this.prompt = prompt;
    this.tools = tools;
    this.choices = choices;
    this.completions = new Completion[n];
  }

  /// Wraps a reply if the server captures answers, unless the request says `"store": false`.
  ///
  /// @param prompt messages, or a text
  /// @param n number of choices
  static Reply around(
      Reply reply,
      Shared shared,
      Exchange exchange,
      Heading heading,
      JsonNode prompt,
      @Nullable ArrayNode tools,
      Choice choices,
      int n) {
    Capture capture = shared.capture();
    return capture == null || !keeps(shared, exchange.body())
        ? reply
        : new CapturingReply(reply, capture, exchange, heading, prompt, tools, choices, n);
  }

  /// Whether the server captures answers and the request does not forbid it.
  static boolean keeps(Shared shared, Fields fields) {
    return shared.capture() != null && fields.flag("store", true);
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

  /// Captures before the client has the whole answer, so that feedback never comes too early.
  @Override
  public void end(Exchange.Spent spent) throws IOException {
    List<JsonNode> answers = new ArrayList<>();
    List<String> finish = new ArrayList<>();
    for (int i = 0; i < completions.length; i++) {
      Completion completion = completions[i];
      if (completion != null) {
        answers.add(choices.answer(i, completion));
        finish.add(choices.finish(i, completion));
      }
    }
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
            prompt,
            tools,
            answers,
            finish));
    reply.end(spent);
  }

  @Override
  public void idle() throws IOException {
    reply.idle();
  }
}
