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

/// Is a conversation as text.
///
/// @param text what the model reads
/// @param spans what of it came from messages, in order, without overlap; what lies between is the
///     template's
/// @param blocks what the template marks by `{% generation %}`, in order
public record Rendered(String text, List<Span> spans, List<Block> blocks) {

  /// Is a piece that one message wrote.
  ///
  /// @param message its index, from 0
  /// @param start first character, as Java counts
  /// @param end behind the last one
  public record Span(int message, MessagePart part, int start, int end) {}

  /// Is what one `{% generation %}` block wrote.
  ///
  /// @param message the first message whose content stands in it, -1 for none
  public record Block(int message, int start, int end) {}

  /// Is something that a message has and of which nothing stands in the text.
  ///
  /// @param message its index, from 0
  public record Missing(int message, MessagePart part) {}

  /// Returns what messages say of which nothing stands in the text, such as tool calls where the
  /// template has no tools. Reasoning may be left out, as many templates do with that of earlier
  /// answers; only that of a last answer is missed.
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
      JsonNode of = messages.path(i);
      boolean last = i == messages.size() - 1;
      List<MessagePart> says = new ArrayList<>();
      if (says(of.path("content"))) {
        says.add(MessagePart.CONTENT);
      }
      if (!of.path("tool_calls").isEmpty()) {
        says.add(MessagePart.CALLS);
      }
      if (last && of.path("role").asString("").equals("assistant") && reasons(of)) {
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

  /// Two runs that differ in their blocks alone are one span.
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
