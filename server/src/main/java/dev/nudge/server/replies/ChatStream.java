package dev.nudge.server.replies;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Sse;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Replies to a chat completion with a stream of chunks: per choice the role, then text, reasoning
/// and tool calls, then the finish reason; a usage chunk at the end if requested.
public final class ChatStream implements Reply {
  private final Exchange exchange;
  private final Heading heading;
  private final Tokenizer tokenizer;
  private final List<ChatChoice> choices;
  private final boolean usage;
  private final boolean thinks;
  private final long made = System.nanoTime();
  private @Nullable Sse sse;

  /// @param usage whether the request wants usage
  public ChatStream(
      Exchange exchange,
      Heading heading,
      Tokenizer tokenizer,
      List<ChatChoice> choices,
      boolean usage,
      boolean thinks) {
    this.exchange = exchange;
    this.heading = heading;
    this.tokenizer = tokenizer;
    this.choices = choices;
    this.usage = usage;
    this.thinks = thinks;
  }

  /// Starts the stream with the first token, so an earlier failure still has an HTTP status of its
  /// own.
  private Sse begun() throws IOException {
    if (sse == null) {
      sse = exchange.stream();
      for (int i = 0; i < choices.size(); i++) {
        ObjectNode delta = JsonNodeFactory.instance.objectNode();
        write(i, delta.put("role", "assistant").put("content", ""), List.of(), null);
      }
    }
    return Objects.requireNonNull(sse);
  }

  @Override
  public void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException {
    begun();
    write(choice, choices.get(choice).push(text), tokens);
  }

  @Override
  public void done(int choice, Completion completion) throws IOException {
    begun();
    ChatChoice ended = choices.get(choice);
    write(choice, ended.end(), List.of());
    ObjectNode nothing = JsonNodeFactory.instance.objectNode();
    write(choice, nothing, List.of(), ended.finish(completion.stop()));
  }

  private void write(int choice, List<ObjectNode> deltas, List<TokenLogprob> tokens)
      throws IOException {
    List<ObjectNode> all = new ArrayList<>(deltas);
    if (all.isEmpty() && !tokens.isEmpty()) {
      all.add(JsonNodeFactory.instance.objectNode().put("content", ""));
    }
    for (int i = 0; i < all.size(); i++) {
      write(choice, all.get(i), i == 0 ? tokens : List.of(), null);
    }
  }

  private void write(
      int choice, ObjectNode delta, List<TokenLogprob> tokens, @Nullable String finish)
      throws IOException {
    ObjectNode chunk = heading.object("chat.completion.chunk");
    ObjectNode one = chunk.putArray("choices").addObject().put("index", choice);
    one.set("delta", delta);
    if (tokens.isEmpty()) {
      one.putNull("logprobs");
    } else {
      one.set("logprobs", ChatReply.logprobs(tokens, tokenizer));
    }
    one.put("finish_reason", finish);
    if (usage) {
      chunk.putNull("usage");
    }
    Objects.requireNonNull(sse).event(chunk);
  }

  @Override
  public void end(Exchange.Spent spent) throws IOException {
    try (Sse ending = begun()) {
      if (usage) {
        ObjectNode chunk = heading.object("chat.completion.chunk");
        chunk.putArray("choices");
        int reasoning =
            choices.stream().mapToInt(c -> ChatReply.tokens(c.thought(), tokenizer)).sum();
        chunk.set("usage", Heading.usage(spent, thinks ? reasoning : null));
        ending.event(chunk);
      }
      ending.done();
    }
  }

  @Override
  public void idle() throws IOException {
    if (sse != null) {
      sse.idle();
    } else if (System.nanoTime() - made > Sse.QUIET_NANOS) {
      begun(); // nobody on the way takes the connection for dead
    }
  }
}
