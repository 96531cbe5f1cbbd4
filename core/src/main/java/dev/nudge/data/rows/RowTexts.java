package dev.nudge.data.rows;

import dev.nudge.data.rows.RowShape.Content;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;

/// The texts of a row, without what a chat template adds.
public final class RowTexts {
  private RowTexts() {}

  /// Its texts, in order.
  public static List<String> texts(Content content) {
    return switch (content) {
      case Content.Answer row -> List.of(row.prompt(), row.completion());
      case Content.Text row -> List.of(row.text());
      case Content.Conversation row -> texts(row.messages()).toList();
      case Content.ChatAnswer row ->
          Stream.concat(texts(row.prompt()), texts(row.completion())).toList();
    };
  }

  /// All of it, a line break between two messages.
  public static String all(Content content) {
    return all(content, texts(content));
  }

  /// @param texts those of the content
  public static String all(Content content, List<String> texts) {
    return String.join(content instanceof Content.Answer ? "" : "\n", texts);
  }

  /// The number of messages; 0 of what is no conversation.
  public static int turns(Content content) {
    return switch (content) {
      case Content.Conversation row -> row.messages().size();
      case Content.ChatAnswer row -> row.prompt().size() + row.completion().size();
      case Content.Answer _, Content.Text _ -> 0;
    };
  }

  private static Stream<String> texts(ArrayNode messages) {
    return messages.valueStream().map(MessageOrder::all);
  }
}
