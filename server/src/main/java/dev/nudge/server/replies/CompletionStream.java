package dev.nudge.server.replies;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Sse;
import dev.nudge.text.StreamDecoder;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Replies to a completion with a stream of chunks.
public final class CompletionStream implements Reply {
  private final Exchange exchange;
  private final Heading heading;
  private final List<CompletionReply.Echo> echoes;
  private final boolean told;
  private final boolean nothing;
  private final boolean usage;
  private final boolean[] echoed;
  private final int[] offsets; // characters of each choice so far
  private final long made = System.nanoTime();
  private @Nullable Sse sse;

  public CompletionStream(
      Exchange exchange,
      Heading heading,
      List<CompletionReply.Echo> echoes,
      boolean told,
      boolean nothing,
      boolean usage) {
    this.exchange = exchange;
    this.heading = heading;
    this.echoes = echoes;
    this.told = told;
    this.nothing = nothing;
    this.usage = usage;
    this.echoed = new boolean[echoes.size()];
    this.offsets = new int[echoes.size()];
  }

  private Sse begun() {
    if (sse == null) {
      sse = exchange.stream();
    }
    return sse;
  }

  /// Writes the echoed prompt of a choice, once.
  private void begin(int choice) throws IOException {
    begun();
    CompletionReply.Echo echo = echoes.get(choice);
    if (!echoed[choice] && !echo.text().isEmpty()) {
      write(choice, echo.text(), echo.tokens(), null);
    }
    echoed[choice] = true;
  }

  @Override
  public void prompt(int choice, List<TokenLogprob> tokens) {
    echoes.set(choice, echoes.get(choice).with(tokens));
  }

  @Override
  public void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException {
    begin(choice);
    if (!nothing && (!text.isEmpty() || !tokens.isEmpty())) {
      write(choice, StreamDecoder.plain(text), tokens, null);
    }
  }

  @Override
  public void done(int choice, Completion completion) throws IOException {
    begin(choice);
    write(choice, "", List.of(), nothing ? "length" : Reply.finish(completion.stop()));
  }

  private void write(int choice, String text, List<TokenLogprob> tokens, @Nullable String finish)
      throws IOException {
    ObjectNode chunk = heading.object("text_completion");
    ObjectNode one = chunk.putArray("choices").addObject().put("index", choice);
    one.put("text", text);
    if (told && !tokens.isEmpty()) {
      one.set("logprobs", CompletionReply.logprobs(tokens, List.of(), offsets[choice]));
    } else {
      one.putNull("logprobs");
    }
    one.put("finish_reason", finish);
    offsets[choice] += text.length();
    if (usage) {
      chunk.putNull("usage");
    }
    Objects.requireNonNull(sse).event(chunk);
  }

  @Override
  public void end(Exchange.Spent spent) throws IOException {
    try (Sse ending = begun()) {
      if (usage) {
        ObjectNode chunk = heading.object("text_completion");
        chunk.putArray("choices");
        chunk.set("usage", Heading.usage(CompletionReply.shown(spent, nothing), null));
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
