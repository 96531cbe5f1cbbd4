package dev.nudge.server;

import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Wording;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.verb.SamplingSettings;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads sampling parameters: OpenAI's fields and vLLM's extensions.
///
/// Defaults are OpenAI's: temperature 1 and a random seed.
final class SamplingFields {
  private static final double HOTTEST = 100;
  private static final double MOST_BIAS = 100;
  private static final int MOST_CHOICES = 128;
  private static final int MOST_TOP = 20;
  private static final int MOST_STOPS = 16;
  private static final int LONGEST_STOP = 1000; // characters

  private SamplingFields() {}

  /// @param tokens default of max_tokens
  /// @param least minimum of max_tokens; 0 if a prompt may be echoed alone
  /// @param top number of top log-probabilities per token; null: none
  static SamplingSettings of(Fields fields, int tokens, int least, @Nullable Integer top) {
    Map<String, Object> values = new HashMap<>();
    double temperature = or(fields.number("temperature", 0, HOTTEST), 1.0);
    values.put("temperature", temperature);
    put(values, "top_p", fields.number("top_p", Double.MIN_VALUE, 1));
    put(values, "top_k", topK(fields));
    put(values, "min_p", fields.number("min_p", 0, 1 - 1e-9));
    put(values, "repetition_penalty", fields.number("repetition_penalty", 1e-6, 1e6));
    put(values, "presence_penalty", fields.number("presence_penalty", -2, 2));
    put(values, "frequency_penalty", fields.number("frequency_penalty", -2, 2));
    values.put("logit_bias", biases(fields));
    values.put("seed", seed(fields));
    // greedy choices are equal: one is generated and sent n times
    values.put("n", temperature == 0 ? 1 : n(fields));
    values.put("stop", stops(fields));
    values.put("stop_id", fields.tokens("stop_token_ids").stream().map(String::valueOf).toList());
    int most = mostTokens(fields, tokens, least);
    values.put("max_tokens", most);
    values.put("min_tokens", leastTokens(fields, most));
    values.put("logprobs", top != null);
    values.put("top_logprobs", top == null ? 0 : top);
    try {
      return Schema.of(SamplingSettings.class).of(values);
    } catch (InputException e) {
      throw Wording.wrong(e);
    }
  }

  /// The number of choices, `n`.
  static int n(Fields fields) {
    int n = Math.toIntExact(or(fields.whole("n", 1, MOST_CHOICES), 1L));
    Long best = fields.whole("best_of", 1, MOST_CHOICES);
    if (best != null && best != n) {
      throw ApiException.wrong("best_of", "'best_of' is not supported; leave it out, or set 'n'");
    }
    return n;
  }

  /// The log-probabilities of a chat: `logprobs` (boolean) and `top_logprobs`.
  static @Nullable Integer chatTop(Fields fields) {
    boolean told = fields.flag("logprobs", false);
    Long top = fields.whole("top_logprobs", 0, MOST_TOP);
    if (top != null && top > 0 && !told) {
      throw ApiException.wrong(
          "top_logprobs", "'top_logprobs' is given without 'logprobs': true; add it");
    }
    return told ? top == null ? 0 : (int) (long) top : null;
  }

  /// The log-probabilities of a completion: `logprobs` (number).
  static @Nullable Integer completionTop(Fields fields) {
    Long top = fields.whole("logprobs", 0, MOST_TOP);
    return top == null ? null : (int) (long) top;
  }

  /// Returns whether no token is requested, only the prompt's echo. The engine then generates one
  /// hidden token.
  static boolean nothing(Fields fields) {
    Long most = fields.whole("max_tokens", 0, Integer.MAX_VALUE);
    return most != null && most == 0;
  }

  private static int mostTokens(Fields fields, int tokens, int least) {
    Long most = fields.whole("max_completion_tokens", least, Integer.MAX_VALUE);
    if (most == null) {
      most = fields.whole("max_tokens", least, Integer.MAX_VALUE);
    }
    return most == null ? tokens : (int) Math.max(1, most);
  }

  private static int leastTokens(Fields fields, int most) {
    if (fields.flag("ignore_eos", false)) {
      if (!stops(fields).isEmpty() || !fields.tokens("stop_token_ids").isEmpty()) {
        throw ApiException.wrong(
            "ignore_eos",
            "'ignore_eos' has the answer go on to max_tokens, whatever 'stop' and 'stop_token_ids'"
                + " say; leave one out");
      }
      return most;
    }
    return (int) (long) or(fields.whole("min_tokens", 0, most), 0L);
  }

  private static @Nullable Integer topK(Fields fields) {
    Long k = fields.whole("top_k", -1, Integer.MAX_VALUE); // -1: off, as in vLLM
    return k == null ? null : (int) Math.max(0, k);
  }

  private static long seed(Fields fields) {
    Long seed = fields.whole("seed", Long.MIN_VALUE, Long.MAX_VALUE);
    return (seed == null ? ThreadLocalRandom.current().nextLong() : seed) & Long.MAX_VALUE;
  }

  /// Reads the stop strings; few, because every token searches each.
  private static List<String> stops(Fields fields) {
    List<String> stops = fields.texts("stop").stream().filter(text -> !text.isEmpty()).toList();
    if (stops.size() > MOST_STOPS
        || stops.stream().anyMatch(text -> text.length() > LONGEST_STOP)) {
      throw ApiException.wrong(
          "stop",
          "'stop' has %d texts, the longest of %d characters; %d of up to %d characters may be"
              .formatted(
                  stops.size(),
                  stops.stream().mapToInt(String::length).max().orElse(0),
                  MOST_STOPS,
                  LONGEST_STOP));
    }
    return stops;
  }

  private static List<String> biases(Fields fields) {
    ObjectNode given = fields.object("logit_bias");
    List<String> biases = new ArrayList<>();
    if (given != null) {
      for (Map.Entry<String, JsonNode> one : given.properties()) {
        if (!one.getKey().matches("\\d{1,9}") || !one.getValue().isNumber()) {
          throw bias(one.getKey());
        }
        double value = one.getValue().doubleValue();
        if (!(Math.abs(value) <= MOST_BIAS)) {
          throw bias(one.getKey());
        }
        biases.add(
            Integer.parseInt(one.getKey()) + "=" + BigDecimal.valueOf(value).toPlainString());
      }
    }
    return biases;
  }

  private static ApiException bias(String id) {
    return ApiException.wrong(
        "logit_bias",
        "'logit_bias' has '%s'; it must be token ids with numbers from -100 to 100"
            .formatted(ApiException.shown(id)));
  }

  private static void put(Map<String, Object> values, String key, @Nullable Object value) {
    if (value != null) {
      values.put(key, value);
    }
  }

  private static <T> T or(@Nullable T value, T otherwise) {
    return value == null ? otherwise : value;
  }
}
