package dev.nudge.server.replies;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Replies to a completion with one JSON object.
public final class CompletionReply implements Reply {
  private final Exchange exchange;
  private final Heading heading;
  private final List<Echo> echoes;
  private final boolean told;
  private final boolean nothing;
  private final @Nullable Completion[] completions;

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

    /// Adds the log-probabilities of the remaining prompt tokens.
    Echo with(List<TokenLogprob> others) {
      List<TokenLogprob> all = new ArrayList<>(tokens);
      all.addAll(others);
      return new Echo(text, List.copyOf(all));
    }
  }

  /// @param echoes one per choice
  /// @param told whether log-probabilities are requested
  /// @param nothing whether only the prompt is returned (`max_tokens` 0)
  public CompletionReply(
      Exchange exchange, Heading heading, List<Echo> echoes, boolean told, boolean nothing) {
    this.exchange = exchange;
    this.heading = heading;
    this.echoes = echoes;
    this.told = told;
    this.nothing = nothing;
    this.completions = new Completion[echoes.size()];
  }

  @Override
  public void prompt(int choice, List<TokenLogprob> tokens) {
    echoes.set(choice, echoes.get(choice).with(tokens));
  }

  @Override
  public void piece(int choice, String text, List<TokenLogprob> tokens) {
    // the completion has it all
  }

  @Override
  public void done(int choice, Completion completion) {
    completions[choice] = nothing ? none(told) : completion;
  }

  /// A completion without tokens.
  static Completion none(boolean told) {
    return new Completion("", 0, Completion.Stop.LENGTH, told ? List.of() : null);
  }

  /// The usage without the token that the client does not see.
  static Exchange.Spent shown(Exchange.Spent spent, boolean nothing) {
    return nothing
        ? new Exchange.Spent(
            spent.promptTokens(),
            0,
            spent.cachedTokens(),
            spent.queueSeconds(),
            spent.firstSeconds(),
            spent.gaps())
        : spent;
  }

  @Override
  public void end(Exchange.Spent spent) {
    ObjectNode reply = heading.object("text_completion");
    ArrayNode choices = reply.putArray("choices");
    for (int i = 0; i < completions.length; i++) {
      Completion completion = completions[i];
      if (completion == null) {
        continue;
      }
      Echo echo = echoes.get(i);
      ObjectNode choice = choices.addObject().put("index", i);
      choice.put("text", echo.text() + completion.text());
      List<TokenLogprob> own = completion.logprobs();
      if (told) {
        choice.set("logprobs", logprobs(echo.tokens(), own == null ? List.of() : own, 0));
      } else {
        choice.putNull("logprobs");
      }
      choice.put("finish_reason", Reply.finish(completion.stop()));
    }
    reply.set("usage", Heading.usage(shown(spent, nothing), null));
    exchange.reply(reply);
  }

  /// Log-probabilities as the four lists of the completions format.
  ///
  /// @param offset text offset of the first token
  static ObjectNode logprobs(List<TokenLogprob> echo, List<TokenLogprob> own, int offset) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    ArrayNode tokens = all.putArray("tokens");
    ArrayNode logprobs = all.putArray("token_logprobs");
    ArrayNode tops = all.putArray("top_logprobs");
    ArrayNode offsets = all.putArray("text_offset");
    int at = offset;
    for (int i : IntStream.range(0, echo.size() + own.size()).toArray()) {
      TokenLogprob token = i < echo.size() ? echo.get(i) : own.get(i - echo.size());
      tokens.add(token.token());
      offsets.add(at);
      at += token.token().length();
      if (Double.isNaN(token.logprob())) { // the first token of a text has none
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
