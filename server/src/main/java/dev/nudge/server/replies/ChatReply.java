package dev.nudge.server.replies;

import dev.nudge.chat.AnswerText;
import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Replies to a chat completion: messages, or per choice the role, then text, reasoning and tool
/// calls, then the finish reason.
public final class ChatReply extends Reply {
  private final Tokenizer tokenizer;
  private final List<AnswerText> choices;
  private final boolean thinks;

  /// @param thinks whether usage counts the tokens of reasoning
  public ChatReply(
      Exchange exchange,
      Heading heading,
      Form form,
      Tokenizer tokenizer,
      List<AnswerText> choices,
      boolean thinks) {
    super(exchange, heading, form, "chat.completion.chunk");
    this.tokenizer = tokenizer;
    this.choices = choices;
    this.thinks = thinks;
  }

  @Override
  void first() throws IOException {
    for (int i = 0; i < choices.size(); i++) {
      send(i, delta().put("role", "assistant").put("content", ""), List.of(), null);
    }
  }

  @Override
  void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException {
    send(choice, choices.get(choice).push(text), tokens);
  }

  @Override
  void done(int choice, Completion completion) throws IOException {
    send(choice, choices.get(choice).end(), List.of());
    send(choice, delta(), List.of(), finish(choice));
  }

  private void send(int choice, List<AnswerText.Part> parts, List<TokenLogprob> tokens)
      throws IOException {
    if (sse() == null) {
      return;
    }
    List<ObjectNode> deltas = new ArrayList<>(parts.stream().map(ChatReply::delta).toList());
    if (deltas.isEmpty() && !tokens.isEmpty()) {
      deltas.add(delta().put("content", ""));
    }
    for (int i = 0; i < deltas.size(); i++) {
      send(choice, deltas.get(i), i == 0 ? tokens : List.of(), null);
    }
  }

  private void send(
      int choice, ObjectNode delta, List<TokenLogprob> tokens, @Nullable String finish)
      throws IOException {
    send(choice, "delta", delta, tokens.isEmpty() ? null : logprobs(tokens), finish);
  }

  private static ObjectNode delta() {
    return JsonNodeFactory.instance.objectNode();
  }

  private static ObjectNode delta(AnswerText.Part part) {
    ObjectNode delta = delta();
    switch (part) {
      case AnswerText.Part.Content(String more) -> delta.put("content", more);
      case AnswerText.Part.Reasoning(String more) -> delta.put("reasoning_content", more);
      case AnswerText.Part.ToolCall(int index, AnswerText.Call call) ->
          delta.putArray("tool_calls").add(call.json().put("index", index));
    }
    return delta;
  }

  @Override
  ObjectNode whole(Usage usage) {
    ObjectNode reply = heading.object("chat.completion");
    ArrayNode list = reply.putArray("choices");
    for (int i = 0; i < choices.size(); i++) {
      List<TokenLogprob> tokens = completion(i).logprobs();
      ObjectNode logprobs = tokens == null ? null : logprobs(tokens);
      fill(list.addObject(), i, "message", answer(i), logprobs, finish(i));
    }
    reply.set("usage", usage(usage));
    return reply;
  }

  @Override
  ObjectNode usage(Usage usage) {
    int reasoning = choices.stream().mapToInt(text -> tokens(text.thought(), tokenizer)).sum();
    return Heading.usage(usage, thinks ? reasoning : null);
  }

  @Override
  JsonNode answer(int choice) {
    return message(choices.get(choice));
  }

  /// Renders a message.
  static ObjectNode message(AnswerText text) {
    ObjectNode message = JsonNodeFactory.instance.objectNode().put("role", "assistant");
    boolean silent = text.said().isEmpty() && !text.calls().isEmpty();
    message.put("content", silent ? null : text.said());
    message.putNull("refusal");
    if (!text.thought().isEmpty()) {
      message.put("reasoning_content", text.thought());
    }
    if (!text.calls().isEmpty()) {
      ArrayNode calls = message.putArray("tool_calls");
      text.calls().forEach(call -> calls.add(call.json()));
    }
    return message;
  }

  @Override
  String finish(int choice) {
    boolean calls = !choices.get(choice).calls().isEmpty();
    return calls && completion(choice).stop() != Completion.Stop.LENGTH
        ? "tool_calls"
        : super.finish(choice);
  }

  static int tokens(String text, Tokenizer tokenizer) {
    return text.isEmpty() ? 0 : tokenizer.ids(text).length;
  }

  /// Renders log-probabilities for chat.
  private ObjectNode logprobs(List<TokenLogprob> tokens) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    ArrayNode content = all.putArray("content");
    for (TokenLogprob token : tokens) {
      ObjectNode one = told(content.addObject(), token);
      ArrayNode top = one.putArray("top_logprobs");
      List<TokenLogprob> likeliest = token.top();
      (likeliest == null ? List.<TokenLogprob>of() : likeliest)
          .forEach(likely -> told(top.addObject(), likely));
    }
    all.putNull("refusal");
    return all;
  }

  private ObjectNode told(ObjectNode object, TokenLogprob token) {
    object.put("token", token.token()).put("logprob", finite(token.logprob()));
    ArrayNode bytes = object.putArray("bytes");
    for (byte b : bytes(token)) {
      bytes.add(b & 0xFF);
    }
    return object;
  }

  private byte[] bytes(TokenLogprob token) {
    byte @Nullable [] known;
    try {
      known = tokenizer.bytes(token.id());
    } catch (InputException e) {
      known = null; // a decoder without known token bytes
    }
    return known == null ? token.token().getBytes(StandardCharsets.UTF_8) : known;
  }

  /// Replaces −∞, which JSON lacks, by OpenAI's -9999.
  static double finite(double logprob) {
    return Math.max(-9999, logprob);
  }
}
