package dev.nudge.text.chat;

import dev.nudge.settings.TrainOn;
import dev.nudge.text.chat.AssistantSpans.Turn;
import dev.nudge.text.chat.Rendered.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// A rendered conversation and its label mask: which characters are trained.
///
/// The text of an assistant message that the model generates is trained: from the end of the
/// generation prompt (so with reasoning and the opening of a tool call) through the end-of-turn
/// token. If the template marks `{% generation %}` blocks, those are trained, as in transformers'
/// assistant mask.
///
/// `"train": false` on a message excludes it; `"weight": x` from 0 to 1,000 scales its loss.
///
/// @param rendered the conversation without generation prompt
/// @param ranges trained ranges in order, without overlap; weights are above 0
public record Trained(Rendered rendered, List<Range> ranges) {
  private static final double MOST = 1000; // of a weight

  /// A range of trained characters.
  ///
  /// @param start first character, in UTF-16 units as Java counts
  /// @param end end, exclusive
  /// @param weight weight of its tokens in the loss
  public record Range(int start, int end, double weight) {}

  /// Renders a conversation and computes its label mask.
  ///
  /// @throws ChatException if the template refuses the conversation, or a weight is invalid
  public static Trained of(
      ChatTemplate template,
      ArrayNode messages,
      @Nullable ArrayNode tools,
      Map<String, JsonNode> variables,
      TrainOn on) {
    AssistantSpans turns = new AssistantSpans(template, messages, tools, variables);
    double[] weights = new double[turns.rendered().text().length()];
    if (on == TrainOn.ALL) {
      all(turns, messages, weights);
    } else {
      for (Turn turn : assistant(turns, messages, on == TrainOn.LAST)) {
        paint(weights, turn.start(), turn.end(), weight(messages, turn.message()));
      }
    }
    return new Trained(turns.rendered(), ranges(weights));
  }

  /// Renders a prompt and its completion as one conversation. The assistant messages of the
  /// completion are trained, the prompt and generation prompt are not.
  ///
  /// @throws ChatException if the template refuses the conversation, or a weight is invalid
  public static Trained ofCompletion(
      ChatTemplate template,
      ArrayNode prompt,
      ArrayNode completion,
      @Nullable ArrayNode tools,
      Map<String, JsonNode> variables) {
    ArrayNode messages = prompt.deepCopy().addAll(completion);
    AssistantSpans turns = new AssistantSpans(template, messages, tools, variables);
    String text = turns.rendered().text();
    Rendered before = turns.before(prompt.size());
    int first = before == null ? 0 : AssistantSpans.common(before.text(), text);
    double[] weights = new double[text.length()];
    for (Turn turn : assistant(turns, messages, false)) {
      if (turn.message() < 0 || turn.message() >= prompt.size()) {
        double weight = weight(messages, turn.message());
        paint(weights, Math.max(first, turn.start()), turn.end(), weight);
      }
    }
    return new Trained(turns.rendered(), ranges(weights));
  }

  /// Returns the ranges with offsets in Unicode code points, as tokenizers count.
  public List<Range> inCodePoints() {
    String text = rendered.text();
    List<Range> counted = new ArrayList<>(ranges.size());
    int at = 0;
    int points = 0;
    for (Range range : ranges) {
      int start = points + text.codePointCount(at, range.start());
      int end = start + text.codePointCount(range.start(), range.end());
      counted.add(new Range(start, end, range.weight()));
      at = range.end();
      points = end;
    }
    return counted;
  }

  /// Returns the loss weight of each token; 0: not trained. A token is trained if it contains any
  /// trained character.
  ///
  /// @param starts offset of each token's first character, in code points; below 0 for a token
  ///     without text
  /// @param ends end offset of each token, exclusive
  public double[] ofTokens(int[] starts, int[] ends) {
    double[] weights = new double[starts.length];
    List<Range> counted = inCodePoints();
    int range = 0;
    for (int i = 0; i < starts.length; i++) {
      while (range < counted.size() && starts[i] >= counted.get(range).end()) {
        range++;
      }
      boolean counts =
          range < counted.size() && starts[i] >= 0 && ends[i] > counted.get(range).start();
      weights[i] = counts ? counted.get(range).weight() : 0;
    }
    return weights;
  }

  private static List<Turn> assistant(AssistantSpans turns, ArrayNode messages, boolean last) {
    List<Turn> found = new ArrayList<>(turns.marked());
    if (found.isEmpty()) {
      for (int i = messages.size() - 1; i >= 0 && !(last && !found.isEmpty()); i--) {
        Turn turn = isAssistant(messages, i) ? turns.of(i) : null;
        if (turn != null) {
          found.addFirst(turn);
        }
      }
    }
    return last ? last(found) : found;
  }

  /// Returns the blocks of the last message that has any, and later blocks without a message.
  private static List<Turn> last(List<Turn> found) {
    int message =
        found.stream().mapToInt(Turn::message).filter(m -> m >= 0).reduce(-1, (_, m) -> m);
    int from = 0;
    while (message >= 0 && found.get(from).message() != message) {
      from++;
    }
    return message < 0 && found.size() > 1
        ? List.of(found.getLast())
        : found.subList(from, found.size());
  }

  private static boolean isAssistant(ArrayNode messages, int message) {
    return messages.path(message).path("role").asString("").equals("assistant");
  }

  private static void all(AssistantSpans turns, ArrayNode messages, double[] weights) {
    Arrays.fill(weights, 1);
    @Nullable List<Turn> assistant = null; // computed if a weight needs it
    for (int i = 0; i < messages.size(); i++) {
      double weight = weight(messages, i);
      if (weight == 1) {
        continue;
      }
      assistant = assistant == null ? assistant(turns, messages, false) : assistant;
      for (Span span : turns.rendered().spans()) {
        if (span.message() == i && span.part().said()) {
          paint(weights, span.start(), span.end(), weight);
        }
      }
      for (Turn turn : assistant) {
        if (turn.message() == i) {
          paint(weights, turn.start(), turn.end(), weight);
        }
      }
    }
  }

  private static double weight(ArrayNode messages, int message) {
    try {
      return weight(messages.path(message));
    } catch (ChatException e) {
      throw new ChatException("message " + (message + 1) + " " + e.getMessage());
    }
  }

  /// Returns the loss weight of a message, by its keys `train` and `weight`.
  ///
  /// @throws ChatException if a key has a wrong value; the text does not name the message
  public static double weight(JsonNode message) {
    JsonNode train = message.path("train");
    if (!train.isBoolean() && !train.isMissingNode() && !train.isNull()) {
      throw new ChatException("has \"train\": " + train + "; true or false is needed");
    }
    if (train.isBoolean() && !train.booleanValue()) {
      return 0;
    }
    JsonNode weight = message.path("weight");
    if (weight.isMissingNode() || weight.isNull()) {
      return 1;
    }
    double value = weight.isNumber() ? weight.doubleValue() : -1;
    if (!(value >= 0 && value <= MOST)) {
      throw new ChatException(
          "has the weight " + weight + "; a number from 0 to " + (int) MOST + " is needed");
    }
    return value;
  }

  private static void paint(double[] weights, int start, int end, double weight) {
    if (start < end) {
      Arrays.fill(weights, start, end, weight);
    }
  }

  private static List<Range> ranges(double[] weights) {
    List<Range> ranges = new ArrayList<>();
    int start = 0;
    for (int i = 1; i <= weights.length; i++) {
      if (i == weights.length || weights[i] != weights[start]) {
        if (weights[start] > 0) {
          ranges.add(new Range(start, i, weights[start]));
        }
        start = i;
      }
    }
    return List.copyOf(ranges);
  }
}
