package dev.nudge.text.chat;

import dev.nudge.text.jinja.Dict;
import dev.nudge.text.jinja.Items;
import dev.nudge.text.jinja.None;
import dev.nudge.text.jinja.Num;
import dev.nudge.text.jinja.Origin;
import dev.nudge.text.jinja.Text;
import dev.nudge.text.jinja.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Prepares messages for a template as transformers does: drops null keys, and passes reasoning as
/// `reasoning_content` and as `thinking`, whichever key the row has. The template does not see
/// `train` and `weight`, which control the label mask.
final class TemplateMessages {
  private static final List<String> REASONING =
      List.of("reasoning_content", "thinking", "reasoning");

  private static final Set<String> OURS = Set.of("train", "weight");

  private TemplateMessages() {}

  static List<Value> values(ArrayNode messages) {
    if (messages.isEmpty()) {
      throw new ChatException("a conversation has at least one message, and this one has none");
    }
    List<Value> values = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      JsonNode message = messages.path(i);
      if (!message.isObject()) {
        throw new ChatException("message " + i + " of the conversation is no object");
      }
      values.add(message(message, i + 1));
    }
    return values;
  }

  private static Value message(JsonNode message, int source) {
    Map<Value, Value> entries = new LinkedHashMap<>();
    long origin = origin(source, MessagePart.CONTENT);
    long thought = origin(source, MessagePart.REASONING);
    JsonNode reasoning = reasoning(message);
    if (reasoning != null) {
      entries.put(Text.of("thinking", origin), value(reasoning, thought));
    }
    for (Map.Entry<String, JsonNode> entry : message.properties()) {
      if (!entry.getValue().isNull() && !OURS.contains(entry.getKey())) {
        long entryOrigin = origin(source, MessagePart.of(entry.getKey()));
        entries.put(Text.of(entry.getKey(), origin), value(entry.getValue(), entryOrigin));
      }
    }
    if (reasoning != null) {
      entries.put(Text.of("reasoning_content", origin), value(reasoning, thought));
    }
    return new Dict(entries, origin);
  }

  static @Nullable JsonNode reasoning(JsonNode message) {
    for (String name : REASONING) {
      if (message.hasNonNull(name)) {
        return message.path(name);
      }
    }
    return null;
  }

  private static long origin(int source, MessagePart part) {
    return Origin.of(source, part.ordinal());
  }

  /// Converts JSON to a value; its texts, and its punctuation when printed, have the origin.
  static Value value(JsonNode node, long origin) {
    if (node.isString()) {
      return Text.of(node.stringValue(), origin);
    }
    if (node.isObject()) {
      Map<Value, Value> entries = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : node.properties()) {
        entries.put(Text.of(entry.getKey(), origin), value(entry.getValue(), origin));
      }
      return new Dict(entries, origin);
    }
    if (node.isArray()) {
      List<Value> values = new ArrayList<>(node.size());
      node.forEach(one -> values.add(value(one, origin)));
      return Items.of(values, origin);
    }
    if (node.isBoolean()) {
      return Num.of(node.booleanValue());
    }
    if (node.isIntegralNumber()) {
      return Num.of(node.bigIntegerValue());
    }
    return node.isNumber() ? Num.of(node.doubleValue()) : None.NONE;
  }
}
