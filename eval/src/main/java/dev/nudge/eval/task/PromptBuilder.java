package dev.nudge.eval.task;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Builds prompts from system text, few-shot examples and question.
final class PromptBuilder {
  private final TaskConfig config;
  private final TaskFields fields;
  private final Shots shots;
  private final PromptStyle style;
  private final boolean multipleInput;

  /// @param multipleInput whether the choices are contexts (one prompt per choice)
  PromptBuilder(
      TaskConfig config, TaskFields fields, Shots shots, PromptStyle style, boolean multipleInput) {
    this.config = config;
    this.fields = fields;
    this.shots = shots;
    this.style = style;
    this.multipleInput = multipleInput;
  }

  /// Returns the prompts of a document: one, or one per choice if the choices are contexts.
  List<String> of(JsonNode doc) {
    String prefix = fields.prefix(doc);
    List<Message> before = before(doc);
    if (!multipleInput) {
      List<Message> all = new ArrayList<>(before);
      turn(question(fields.text(doc)), null, null, prefix, config.targetDelimiter(), "", all);
      return List.of(rendered(all, prefix));
    }
    List<String> prompts = new ArrayList<>();
    for (String choice : fields.choices(doc)) {
      List<Message> all = new ArrayList<>(before);
      turn(choice, null, null, prefix, "", "", all);
      prompts.add(rendered(all, prefix));
    }
    return prompts;
  }

  private List<Message> before(JsonNode doc) {
    String description = fields.resolved(doc, "description", config.keys().text("description"));
    String system = Message.joined(style.system(), description, config.fewshotDelimiter());
    List<Message> all = new ArrayList<>();
    if (!system.isEmpty()) {
      all.add(new Message("system", system));
    }
    int n = Objects.requireNonNullElse(config.numFewshot(), 0);
    if (n == 0) {
      return all;
    }
    ShotsConfig as = config.shots();
    boolean same = Objects.equals(as.split(), config.split("test"));
    for (JsonNode shot : shots.of(n, same ? doc : null)) {
      JsonNode text = fields.text(shot, as.text());
      List<String> choices = as.choice() == null ? null : fields.choices(shot, as.choice());
      JsonNode target = fields.target(shot, as.target());
      Field own = as.genPrefix();
      String prefix = own == null ? null : fields.resolved(shot, "gen_prefix", own.text());
      String question = multipleInput ? choice("doc_to_text", choices, text) : question(text);
      String answer = answer(target, multipleInput ? null : choices);
      turn(question, answer, target, prefix, as.targetDelimiter(), as.delimiter(), all);
    }
    return all;
  }

  private String question(JsonNode text) {
    if (!text.isString()) {
      throw fields.wrong("doc_to_text", "makes " + text, "it must make a text");
    }
    return text.stringValue();
  }

  private String choice(String key, @Nullable List<String> choices, JsonNode place) {
    int n = choices == null ? 0 : choices.size();
    int at = ChoicePlace.lookedUp(place, n);
    if (choices == null || at < 0) {
      throw fields.wrong(key, "makes " + place, "it must be the place of a choice");
    }
    return choices.get(at);
  }

  /// Returns the answer text of a few-shot example; null: none.
  private @Nullable String answer(JsonNode target, @Nullable List<String> choices) {
    if (target.isNull()) {
      return null;
    }
    JsonNode one = target.isArray() && !target.isEmpty() ? target.get(0) : target;
    boolean place = (target.isIntegralNumber() || target.isBoolean()) && choices != null;
    if (place) {
      return choice("doc_to_target", choices, target);
    }
    if (!one.isString()) {
      throw fields.wrong("doc_to_target", "makes " + target, "the answer of a shot must be a text");
    }
    return one.stringValue();
  }

  /// Adds a question with its answer, or with the beginning of the answer.
  ///
  /// @param answer answer text; null: to be generated
  /// @param target the raw target of the answer
  private static void turn(
      String question,
      @Nullable String answer,
      @Nullable JsonNode target,
      @Nullable String prefix,
      String delimiter,
      String behind,
      List<Message> all) {
    boolean answered = answer != null && !(target != null && target.isString() && answer.isEmpty());
    String begun = Objects.requireNonNullElse(prefix, "");
    boolean delimits = begun.isEmpty() ? answered : Message.needsDelimiter(question, begun);
    all.add(new Message("user", question, delimits ? delimiter : ""));
    if (answered) {
      all.add(new Message("assistant", Message.joined(begun, answer, " "), behind));
    } else if (!begun.isEmpty()) {
      all.add(new Message("assistant", begun));
    }
  }

  private String rendered(List<Message> messages, @Nullable String prefix) {
    PromptStyle.Chat chat = style.chat();
    if (chat == null) {
      return Message.plain(messages);
    }
    return chat.render(
        style.multiturn() ? messages : Message.oneTurn(messages),
        prefix == null || prefix.isEmpty());
  }
}
