package dev.nudge.data.rows;

import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.data.rows.RowShape.Prompt;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Finds prompt and answers in a preference row, by TRL's columns: `prompt`, `chosen` and
/// `rejected`, or `prompt`, `completion` and `label`; or a group of answers, by `prompt`,
/// `completions` and `rewards`, or a prompt alone. Prompts and answers are texts or lists of
/// messages.
///
/// Where `prompt` is absent, or is a text beside lists of messages, the prompt of a pair is what
/// both answers begin with, as in TRL: of texts without a last space, of lists whole messages; the
/// last of what is common stays in the answers where one begins with all of the other. A reward
/// model reads prompt and answer as one text, so there both stay whole.
public final class PreferenceShape {
  private final ObjectiveName objective;
  private final RowPattern promptPattern;
  private final RowPattern completion;
  private final boolean fixed; // the prompt has a pattern
  private final String prompt;
  private final String chosen;
  private final String rejected;
  private final String label;
  private final String tools;
  private final @Nullable String margin;
  private final GroupShape group;
  private final int size; // of a group

  PreferenceShape(DataSettings data, WantedRows rows) {
    var names = data.shape().mapping();
    this.objective = rows.objective();
    this.margin = rows.marginColumn();
    this.size = rows.group();
    this.group = GroupShape.of(names);
    this.prompt = names.getOrDefault("prompt", "prompt");
    this.chosen = names.getOrDefault("chosen", "chosen");
    this.rejected = names.getOrDefault("rejected", "rejected");
    this.label = names.getOrDefault("label", "label");
    this.tools = names.getOrDefault("tools", "tools");
    this.fixed = data.prompt() != null;
    this.promptPattern = pattern("prompt", prompt, data.prompt());
    this.completion =
        pattern("completion", names.getOrDefault("completion", "completion"), data.completion());
  }

  private static RowPattern pattern(String flag, String column, @Nullable String given) {
    return given == null ? RowPattern.column(column) : RowPattern.parse("--" + flag, given);
  }

  /// Whether a row has the columns of a pair.
  static boolean isPair(Row row) {
    return row.has("chosen") && row.has("rejected");
  }

  public ComparedAnswers read(Row row) throws BadRowException {
    return switch (objective.rows()) {
      case PAIRS -> pair(row);
      case LABELLED -> labelled(row);
      case GROUPS -> size > 0 ? group(row) : prompt(row);
      case TEXTS -> throw new IllegalStateException("texts are not compared");
    };
  }

  private ComparedAnswers group(Row row) throws BadRowException {
    GroupShape.Answers given = group.read(row, size);
    boolean list = !fixed && row.isList(prompt);
    ArrayNode asked = list ? Messages.of(row, prompt) : JsonNodeFactory.instance.arrayNode();
    String text = list ? "" : promptPattern.render(row);
    List<Content> answers = new ArrayList<>();
    for (String completion : given.texts()) {
      ArrayNode answer = JsonNodeFactory.instance.arrayNode();
      answer.add(Messages.message("assistant", completion));
      answers.add(
          list
              ? new Content.ChatAnswer(asked, answer, Messages.tools(row, tools))
              : new Content.Answer(text, completion));
    }
    return new ComparedAnswers(DataShape.GROUP, answers, given.rewards(), given.finished());
  }

  private ComparedAnswers prompt(Row row) throws BadRowException {
    ArrayNode none = JsonNodeFactory.instance.arrayNode();
    Content content =
        !fixed && row.isList(prompt)
            ? new Content.ChatAnswer(Messages.of(row, prompt), none, Messages.tools(row, tools))
            : new Content.Answer(promptPattern.render(row), "");
    return ComparedAnswers.of(DataShape.PROMPT_ONLY, List.of(content), 0);
  }

  private ComparedAnswers labelled(Row row) throws BadRowException {
    String column = completion.columns().isEmpty() ? "" : completion.columns().getFirst();
    Content answer;
    if (!fixed && row.isList(prompt) || row.isList(column)) {
      answer = chat(Messages.of(row, prompt), Messages.of(row, column), column, row);
    } else {
      String text = completion.render(row);
      answer = new Content.Answer(promptPattern.render(row), full(column, text));
    }
    return ComparedAnswers.of(DataShape.UNPAIRED_PREFERENCE, List.of(answer), isGood(row) ? 1 : 0);
  }

  private boolean isGood(Row row) throws BadRowException {
    String value = row.text(label);
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "true", "1" -> true;
      case "false", "0" -> false;
      default ->
          throw new BadRowException(
              "column '%s' is '%s'; it must be true (a good answer) or false"
                  .formatted(label, value.length() > 30 ? "…" : value),
              "the label is neither true nor false");
    };
  }

  private ComparedAnswers pair(Row row) throws BadRowException {
    boolean lists = row.isList(chosen);
    if (lists != row.isList(rejected)) {
      throw new BadRowException(
          "of '%s' and '%s' one is a list of messages and one is not; both must be texts or both lists"
              .formatted(chosen, rejected));
    }
    return ComparedAnswers.of(DataShape.PREFERENCE, lists ? chats(row) : texts(row), margin(row));
  }

  private double margin(Row row) throws BadRowException {
    if (margin == null) {
      return 0;
    }
    String text = row.text(margin);
    try {
      double value = Double.parseDouble(text);
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new BadRowException(
        "column '%s' is '%s'; a number is needed (--margin-column)".formatted(margin, text),
        "the margin is no number");
  }

  private List<Content> texts(Row row) throws BadRowException {
    String better = full(chosen, row.text(chosen));
    String worse = full(rejected, row.text(rejected));
    if (fixed || row.has(prompt)) {
      if (!fixed && row.isList(prompt)) {
        throw new BadRowException(
            "'%s' is a list of messages and the answers are texts; all must be texts or all lists"
                .formatted(prompt));
      }
      String asked = promptPattern.render(row);
      return List.of(new Content.Answer(asked, better), new Content.Answer(asked, worse));
    }
    int common = objective.givesScores() ? 0 : common(better, worse);
    return List.of(
        new Content.Answer(better.substring(0, common), better.substring(common)),
        new Content.Answer(worse.substring(0, common), worse.substring(common)));
  }

  /// The length of the common beginning that is the prompt, in characters of Java.
  private static int common(String a, String b) {
    int most = Math.min(a.length(), b.length());
    int at = 0;
    while (at < most && a.codePointAt(at) == b.codePointAt(at)) {
      at += Character.charCount(a.codePointAt(at));
    }
    if (at >= most) {
      return most == 0 ? 0 : a.offsetByCodePoints(Math.min(at, a.length()), -1);
    }
    return at > 0 && a.charAt(at - 1) == ' ' ? at - 1 : at;
  }

  private List<Content> chats(Row row) throws BadRowException {
    ArrayNode better = Messages.of(row, chosen);
    ArrayNode worse = Messages.of(row, rejected);
    if (row.isList(prompt)) {
      ArrayNode asked = Messages.of(row, prompt);
      return List.of(chat(asked, better, chosen, row), chat(asked, worse, rejected, row));
    }
    int common = 0;
    int most = Math.min(better.size(), worse.size());
    while (common < most && better.get(common).equals(worse.get(common))) {
      common++;
    }
    common = Math.min(common, most - 1);
    if (common == 0) {
      throw new BadRowException(
          "'%s' and '%s' have no message in common to answer; give a column 'prompt'"
              .formatted(chosen, rejected));
    }
    ArrayNode asked = part(better, 0, common);
    return List.of(
        chat(asked, part(better, common, better.size()), chosen, row),
        chat(asked, part(worse, common, worse.size()), rejected, row));
  }

  private static ArrayNode part(ArrayNode messages, int from, int to) {
    ArrayNode part = JsonNodeFactory.instance.arrayNode();
    for (int i = from; i < to; i++) {
      part.add(messages.get(i));
    }
    return part;
  }

  private Content chat(ArrayNode asked, ArrayNode answer, String column, Row row)
      throws BadRowException {
    if (!Messages.hasAnswer(answer)) {
      throw new BadRowException(
          "'" + column + "' has no message of the assistant: nothing to compare");
    }
    return new Content.ChatAnswer(asked, answer, Messages.tools(row, tools));
  }

  private static String full(String column, String text) throws BadRowException {
    if (text.isEmpty()) {
      throw new BadRowException("the " + column + " answer is empty");
    }
    return text;
  }

  /// What a row asks.
  Prompt asked(Row row) throws BadRowException {
    return switch (read(row).answers().getFirst()) {
      case Content.ChatAnswer chat -> new Prompt.Messages(chat.prompt(), chat.tools());
      case Content.Answer text -> new Prompt.Text(text.prompt());
      case Content.Conversation _, Content.Text _ ->
          throw new IllegalStateException("an answer has a prompt");
    };
  }

  /// The columns that a row's prompt is made of.
  List<String> promptColumns() {
    return promptPattern.columns();
  }

  /// The columns that are compared.
  List<String> comparedColumns() {
    List<String> columns = new ArrayList<>();
    switch (objective.rows()) {
      case PAIRS -> columns.addAll(List.of(chosen, rejected));
      case LABELLED -> {
        columns.addAll(completion.columns());
        columns.add(label);
      }
      case GROUPS -> columns.addAll(size > 0 ? group.columns() : List.of());
      case TEXTS -> throw new IllegalStateException("texts are not compared");
    }
    if (margin != null) {
      columns.add(margin);
    }
    return columns;
  }
}
