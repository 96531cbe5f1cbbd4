package dev.nudge.text.chat;

import dev.nudge.text.jinja.Origin;
import dev.nudge.text.jinja.Text;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// A conversation rendered as text, with the origin of its parts.
///
/// @param text the text that the model reads
/// @param spans pieces that messages wrote, in order, without overlap; the template wrote the rest
/// @param blocks pieces that the template marks by `{% generation %}`, in order
public record Rendered(String text, List<Span> spans, List<Block> blocks) {

  /// A piece of the text that one message wrote.
  ///
  /// @param message index of the message, from 0
  /// @param start first character, in UTF-16 units as Java counts
  /// @param end end, exclusive
  public record Span(int message, MessagePart part, int start, int end) {}

  /// The text of one `{% generation %}` block.
  ///
  /// @param message index of the first message whose content is in the block; -1: none
  public record Block(int message, int start, int end) {}

  /// A part of a message that the template left out of the text.
  ///
  /// @param message index of the message, from 0
  public record Missing(int message, MessagePart part) {}

  /// Returns the parts of messages that the template left out, such as tool calls if the template
  /// has no tools. Many templates omit the reasoning of earlier answers, so only a last answer's
  /// reasoning is reported.
  public List<Missing> missing(ArrayNode messages) {
    Map<MessagePart, BitSet> standing = new EnumMap<>(MessagePart.class);
    for (MessagePart part : MessagePart.values()) {
      standing.put(part, new BitSet(messages.size()));
    }
    for (Span span : spans) {
      Objects.requireNonNull(standing.get(span.part())).set(span.message());
    }
    List<Missing> missing = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      JsonNode json = messages.path(i);
      boolean last = i == messages.size() - 1;
      List<MessagePart> says = new ArrayList<>();
      if (says(json.path("content"))) {
        says.add(MessagePart.CONTENT);
      }
      if (!json.path("tool_calls").isEmpty()) {
        says.add(MessagePart.CALLS);
      }
      if (last && json.path("role").asString("").equals("assistant") && reasons(json)) {
        says.add(MessagePart.REASONING);
      }
      for (MessagePart part : says) {
        if (!Objects.requireNonNull(standing.get(part)).get(i)) {
          missing.add(new Missing(i, part));
        }
      }
    }
    return missing;
  }

  private static boolean reasons(JsonNode message) {
    JsonNode reasoning = TemplateMessages.reasoning(message);
    return reasoning != null && says(reasoning);
  }

  private static boolean says(JsonNode content) {
    return content.isString() ? !content.stringValue().isBlank() : !content.isEmpty();
  }

  static Rendered of(Text text) {
    List<Span> spans = new ArrayList<>();
    List<Block> blocks = new ArrayList<>();
    int block = 0;
    int start = 0;
    for (int run = 0; run < text.runs(); run++) {
      long origin = text.origin(run);
      int end = text.end(run);
      int message = Origin.source(origin) - 1;
      MessagePart part = MessagePart.values()[Origin.part(origin)];
      if (message >= 0) {
        add(spans, new Span(message, part, start, end));
      }
      if (Origin.block(origin) > 0) {
        int said = part.said() ? message : -1;
        Block last =
            Origin.block(origin) == block ? blocks.removeLast() : new Block(-1, start, end);
        blocks.add(new Block(last.message() < 0 ? said : last.message(), last.start(), end));
      }
      block = Origin.block(origin);
      start = end;
    }
    return new Rendered(text.chars(), List.copyOf(spans), List.copyOf(blocks));
  }

  /// Adds a span; runs that differ only in their `{% generation %}` block are one span.
  private static void add(List<Span> spans, Span span) {
    Span last = spans.isEmpty() ? null : spans.getLast();
    boolean goesOn =
        last != null
            && last.end() == span.start()
            && last.message() == span.message()
            && last.part() == span.part();
    spans.add(
        goesOn
            ? new Span(span.message(), span.part(), spans.removeLast().start(), span.end())
            : span);
  }
}
