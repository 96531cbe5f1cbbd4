package dev.nudge.data.rows;

import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.settings.train.Flaw;
import dev.nudge.text.quality.Sensitive;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// The flaws of a row that its content alone shows.
///
/// @param kinds kinds of secrets and personal data
public record ContentFlaws(Set<Flaw> flaws, Set<Sensitive> kinds) {
  public static final ContentFlaws NOTHING = new ContentFlaws(Set.of(), Set.of());

  static ContentFlaws at(Content content) {
    return at(List.of(content));
  }

  /// @param contents those of one row
  public static ContentFlaws at(List<Content> contents) {
    Set<Flaw> flaws = EnumSet.noneOf(Flaw.class);
    Set<Sensitive> kinds = EnumSet.noneOf(Sensitive.class);
    contents.forEach(content -> look(content, flaws, kinds));
    for (Sensitive kind : kinds) {
      flaws.add(kind.secret() ? Flaw.SECRETS : Flaw.PERSONAL_DATA);
    }
    return new ContentFlaws(flaws, kinds);
  }

  private static void look(Content content, Set<Flaw> flaws, Set<Sensitive> kinds) {
    switch (content) {
      case Content.Answer row -> {
        kinds.addAll(Sensitive.in(row.prompt()));
        kinds.addAll(Sensitive.in(row.completion()));
      }
      case Content.Text row -> kinds.addAll(Sensitive.in(row.text()));
      case Content.Conversation row -> look(row.messages(), flaws, kinds);
      case Content.ChatAnswer row -> look(both(row), flaws, kinds);
    }
  }

  private static ArrayNode both(Content.ChatAnswer row) {
    return JsonNodeFactory.instance.arrayNode().addAll(row.prompt()).addAll(row.completion());
  }

  private static void look(ArrayNode messages, Set<Flaw> flaws, Set<Sensitive> kinds) {
    if (!MessageOrder.inOrder(messages)) {
      flaws.add(Flaw.TURNS);
    }
    if (MessageOrder.hasEmpty(messages)) {
      flaws.add(Flaw.EMPTY_MESSAGES);
    }
    for (JsonNode message : messages) {
      kinds.addAll(Sensitive.in(MessageOrder.all(message)));
    }
  }
}
