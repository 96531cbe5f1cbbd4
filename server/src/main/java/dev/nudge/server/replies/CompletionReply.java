package dev.nudge.server.replies;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.text.StreamDecoder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Replies to a completion: texts, with the prompt before them if requested.
public final class CompletionReply extends Reply {
  private final List<Echo> echoes;
  private final boolean told;
  private final boolean nothing;
  private final boolean[] echoed; // in the stream
  private final int[] offsets; // characters of each choice so far

  /// The echoed prompt before a completion.
  ///
  /// @param text of the prompt; empty without `echo`
  /// @param tokens of the prompt with log-probabilities; empty unless requested
  public record Echo(String text, List<TokenLogprob> tokens) {
    public static final Echo NONE = new Echo("", List.of());

    /// The first prompt token, which has no log-probability.
    public static List<TokenLogprob> first(int id, String text) {
      return List.of(new TokenLogprob(text, id, Double.NaN, null));
    }
  }

  /// @param echoes one per choice
  /// @param told whether log-probabilities are requested
  /// @param nothing whether only the prompt is returned (`max_tokens` 0)
  public CompletionReply(
      Exchange exchange,
      Heading heading,
      Form form,
      List<Echo> echoes,
      boolean told,
      boolean nothing) {
    super(exchange, heading, form, "text_completion");
    this.echoes = echoes;
    this.told = told;
    this.nothing = nothing;
    this.echoed = new boolean[echoes.size()];
    this.offsets = new int[echoes.size()];
  }

  @Override
  void prompt(int choice, List<TokenLogprob> tokens) {
    Echo echo = echoes.get(choice);
    echoes.set(choice, new Echo(echo.text, and(echo.tokens, tokens)));
  }

  private static List<TokenLogprob> and(List<TokenLogprob> first, List<TokenLogprob> others) {
    List<TokenLogprob> all = new ArrayList<>(first);
    all.addAll(others);
    return all;
  }

  /// Sends the echoed prompt of a choice, once.
  private void echo(int choice) throws IOException {
    Echo echo = echoes.get(choice);
    if (!echoed[choice] && !echo.text.isEmpty()) {
      send(choice, echo.text, echo.tokens, null);
    }
    echoed[choice] = true;
  }

  @Override
  void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException {
    echo(choice);
    if (!nothing && (!text.isEmpty() || !tokens.isEmpty())) {
      send(choice, StreamDecoder.plain(text), tokens, null);
    }
  }

  @Override
  void done(int choice, Completion completion) throws IOException {
    echo(choice);
    send(choice, "", List.of(), finish(choice));
  }

  private void send(int choice, String text, List<TokenLogprob> tokens, @Nullable String finish)
      throws IOException {
    if (sse() != null) {
      ObjectNode logprobs = told && !tokens.isEmpty() ? logprobs(tokens, offsets[choice]) : null;
      send(choice, "text", JsonNodeFactory.instance.stringNode(text), logprobs, finish);
      offsets[choice] += text.length();
    }
  }

  @Override
  ObjectNode whole(Usage usage) {
    ObjectNode reply = heading.object("text_completion");
    ArrayNode choices = reply.putArray("choices");
    for (int i = 0; i < echoes.size(); i++) {
      Echo echo = echoes.get(i);
      String text = nothing ? "" : completion(i).text();
      ObjectNode logprobs = null;
      if (told) {
        List<TokenLogprob> own = nothing ? null : completion(i).logprobs();
        logprobs = logprobs(and(echo.tokens, Objects.requireNonNullElse(own, List.of())), 0);
      }
      JsonNode content = JsonNodeFactory.instance.stringNode(echo.text + text);
      fill(choices.addObject(), i, "text", content, logprobs, finish(i));
    }
    reply.set("usage", usage(usage));
    return reply;
  }

  /// Returns the usage without the hidden token.
  @Override
  ObjectNode usage(Usage usage) {
    return Heading.usage(nothing ? usage.withCompletionTokens(0) : usage, null);
  }

  @Override
  JsonNode answer(int choice) {
    return JsonNodeFactory.instance.stringNode(completion(choice).text());
  }

  @Override
  String finish(int choice) {
    return nothing ? "length" : super.finish(choice);
  }

  /// Renders log-probabilities as completions' four lists.
  ///
  /// @param offset text offset of the first token
  private static ObjectNode logprobs(List<TokenLogprob> of, int offset) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    ArrayNode tokens = all.putArray("tokens");
    ArrayNode logprobs = all.putArray("token_logprobs");
    ArrayNode tops = all.putArray("top_logprobs");
    ArrayNode offsets = all.putArray("text_offset");
    int at = offset;
    for (TokenLogprob token : of) {
      tokens.add(token.token());
      offsets.add(at);
      at += token.token().length();
      if (Double.isNaN(token.logprob())) { // a text's first token
        logprobs.addNull();
        tops.addNull();
        continue;
      }
      logprobs.add(ChatReply.finite(token.logprob()));
      ObjectNode top = JsonNodeFactory.instance.objectNode();
      List<TokenLogprob> likeliest = token.top();
      if (likeliest != null) {
        likeliest.forEach(l -> top.put(l.token(), ChatReply.finite(l.logprob())));
      }
      top.put(token.token(), ChatReply.finite(token.logprob()));
      tops.add(top);
    }
    return all;
  }
}
