package dev.nudge.server.replies;

import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Replies to a chat completion with one JSON object.
public final class ChatReply implements Reply {
  private final Exchange exchange;
  private final Heading heading;
  private final Tokenizer tokenizer;
  private final ChatChoice[] choices;
  private final @Nullable Completion[] completions;
  private final boolean thinks;

  public ChatReply(
      Exchange exchange,
      Heading heading,
      Tokenizer tokenizer,
      List<ChatChoice> choices,
      boolean thinks) {
    this.exchange = exchange;
    this.heading = heading;
    this.tokenizer = tokenizer;
    this.choices = choices.toArray(ChatChoice[]::new);
    this.completions = new Completion[this.choices.length];
    this.thinks = thinks;
  }

  @Override
  public void piece(int choice, String text, List<TokenLogprob> tokens) {
    choices[choice].push(text);
  }

  @Override
  public void done(int choice, Completion completion) {
    choices[choice].end();
    completions[choice] = completion;
  }

  @Override
  public void end(Exchange.Spent spent) {
    ObjectNode reply = heading.object("chat.completion");
    ArrayNode list = reply.putArray("choices");
    int reasoning = 0;
    for (int i = 0; i < choices.length; i++) {
      Completion completion = completions[i];
      ObjectNode choice = list.addObject().put("index", i);
      choice.set("message", choices[i].message());
      if (completion == null || completion.logprobs() == null) {
        choice.putNull("logprobs");
      } else {
        choice.set("logprobs", logprobs(completion.logprobs(), tokenizer));
      }
      choice.put("finish_reason", completion == null ? null : choices[i].finish(completion.stop()));
      reasoning += tokens(choices[i].thought(), tokenizer);
    }
    reply.set("usage", Heading.usage(spent, thinks ? reasoning : null));
    exchange.reply(reply);
  }

  static int tokens(String text, Tokenizer tokenizer) {
    return text.isEmpty() ? 0 : tokenizer.ids(text).length;
  }

  /// Token log-probabilities in the chat format.
  static ObjectNode logprobs(List<TokenLogprob> tokens, Tokenizer tokenizer) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    ArrayNode content = all.putArray("content");
    for (TokenLogprob token : tokens) {
      ObjectNode one = told(content.addObject(), token, tokenizer);
      ArrayNode top = one.putArray("top_logprobs");
      List<TokenLogprob> likeliest = token.top();
      (likeliest == null ? List.<TokenLogprob>of() : likeliest)
          .forEach(likely -> told(top.addObject(), likely, tokenizer));
    }
    all.putNull("refusal");
    return all;
  }

  private static ObjectNode told(ObjectNode object, TokenLogprob token, Tokenizer tokenizer) {
    object.put("token", token.token()).put("logprob", finite(token.logprob()));
    ArrayNode bytes = object.putArray("bytes");
    for (byte b : bytes(token, tokenizer)) {
      bytes.add(b & 0xFF);
    }
    return object;
  }

  private static byte[] bytes(TokenLogprob token, Tokenizer tokenizer) {
    byte @Nullable [] known;
    try {
      known = tokenizer.bytes(token.id());
    } catch (InputException e) {
      known = null; // a decoder whose tokens are not known as bytes
    }
    return known == null ? token.token().getBytes(StandardCharsets.UTF_8) : known;
  }

  /// Replaces −∞, which JSON lacks, by OpenAI's -9999.
  static double finite(double logprob) {
    return Math.max(-9999, logprob);
  }
}
