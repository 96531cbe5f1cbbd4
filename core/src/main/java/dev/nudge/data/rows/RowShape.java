package dev.nudge.data.rows;

import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;

/// Finds the prompt, completion, messages or text in a row's columns.
///
/// With a pattern for one of prompt and completion, the other is the column of that name. Without
/// patterns the settings decide, else the columns do, by the first of these that is there: prompt +
/// completion, messages, ShareGPT's conversations, Alpaca's instruction + output, text. A null
/// column counts as absent. Columns may have other names in the row (`--columns`).
public final class RowShape {

  /// The content of a row.
  public sealed interface Content {
    /// What the row looked like.
    DataShape shape();

    /// A prompt with its completion.
    record Answer(String prompt, String completion) implements Content {
      @Override
      public DataShape shape() {
        return DataShape.PROMPT_COMPLETION;
      }
    }

    /// A prompt and a completion that are lists of messages.
    record ChatAnswer(ArrayNode prompt, ArrayNode completion, @Nullable ArrayNode tools)
        implements Content {
      @Override
      public DataShape shape() {
        return DataShape.PROMPT_COMPLETION;
      }
    }

    /// Messages, and the tools that they may call.
    record Conversation(ArrayNode messages, @Nullable ArrayNode tools, DataShape shape)
        implements Content {}

    /// A text.
    record Text(String text) implements Content {
      @Override
      public DataShape shape() {
        return DataShape.TEXT;
      }
    }
  }

  private final boolean fixed;
  private final @Nullable DataShape named;
  private final Map<String, String> names;
  private final RowPattern prompt;
  private final RowPattern completion;
  private final @Nullable PreferenceShape preferences;

  private RowShape(
      boolean fixed,
      @Nullable DataShape named,
      Map<String, String> names,
      RowPattern prompt,
      RowPattern completion,
      @Nullable PreferenceShape preferences) {
    this.fixed = fixed;
    this.named = named;
    this.names = names;
    this.prompt = prompt;
    this.completion = completion;
    this.preferences = preferences;
  }

  /// @throws InputException where a pattern is broken, or names no column to learn from
  public static RowShape of(DataSettings data) {
    return of(data, WantedRows.TEXTS);
  }

  /// @param rows what the rows are for
  public static RowShape of(DataSettings data, WantedRows rows) {
    Map<String, String> names = data.shape().mapping();
    RowPattern completion = pattern("completion", data.completion(), names);
    if (completion.columns().isEmpty()) {
      throw new InputException(
          "--completion '%s' names no column, so all rows would have one answer; a column stands in braces: --completion '{%s}'"
              .formatted(completion, completion.toString().strip()));
    }
    return new RowShape(
        data.prompt() != null || data.completion() != null,
        data.shape().shape(),
        names,
        pattern("prompt", data.prompt(), names),
        completion,
        rows.objective().compares() ? new PreferenceShape(data, rows) : null);
  }

  private static RowPattern pattern(
      String name, @Nullable String given, Map<String, String> names) {
    return given == null
        ? RowPattern.column(names.getOrDefault(name, name))
        : RowPattern.parse("--" + name, given);
  }

  /// Finds the answers to compare; null: rows are not for that.
  public @Nullable PreferenceShape preferences() {
    return preferences;
  }

  /// The name that a column has in the row.
  private String column(String name) {
    return names.getOrDefault(name, name);
  }

  private boolean has(Row row, String name) {
    return row.has(column(name));
  }

  public Content content(Row row) throws BadRowException {
    return switch (shape(row)) {
      case PROMPT_COMPLETION -> answer(row);
      case MESSAGES -> conversation(row, DataShape.MESSAGES, Messages.of(row, column("messages")));
      case SHAREGPT ->
          conversation(
              row,
              DataShape.SHAREGPT,
              ShareGptRows.of(row, column("conversations"), column("system")));
      case ALPACA -> conversation(row, DataShape.ALPACA, AlpacaRows.of(row, this::column));
      case TEXT -> new Content.Text(full("text", row.text(column("text"))));
      case PREFERENCE, UNPAIRED_PREFERENCE, GROUP, PROMPT_ONLY -> throw preference(row);
    };
  }

  private DataShape shape(Row row) throws BadRowException {
    if (fixed) {
      return DataShape.PROMPT_COMPLETION;
    }
    if (named != null) {
      return named;
    }
    DataShape there = recognised(row);
    if (there != null) {
      return there;
    }
    if (row.has("chosen") && row.has("rejected") && !row.has(column("completion"))) {
      throw preference(row);
    }
    if (row.names().contains(column("prompt")) || row.names().contains(column("completion"))) {
      return DataShape.PROMPT_COMPLETION; // and the mistake is told there
    }
    throw noShape(row);
  }

  private @Nullable DataShape recognised(Row row) {
    if (has(row, "prompt") && has(row, "completion")) {
      return DataShape.PROMPT_COMPLETION;
    } else if (has(row, "messages")) {
      return DataShape.MESSAGES;
    } else if (has(row, "conversations")) {
      return DataShape.SHAREGPT;
    } else if (has(row, "instruction") && has(row, "output")) {
      return DataShape.ALPACA;
    }
    return has(row, "text") ? DataShape.TEXT : null;
  }

  private Content answer(Row row) throws BadRowException {
    String from = column("prompt");
    String to = column("completion");
    if (fixed || !row.isList(from) && !row.isList(to)) {
      String shown = prompt.render(row);
      String answered = full("completion", completion.render(row));
      List<String> columns = completion.columns();
      boolean nothing = !columns.isEmpty();
      for (String name : columns) {
        nothing &= row.text(name).isBlank();
      }
      if (nothing) {
        throw new BadRowException(
            "the completion is empty: %s blank"
                .formatted(
                    columns.stream().map(c -> "'" + c + "'").collect(Collectors.joining(", "))
                        + (columns.size() == 1 ? " is" : " are")),
            "the completion is empty");
      }
      return new Content.Answer(shown, answered);
    }
    if (!row.isList(from) || !row.isList(to)) {
      throw new BadRowException(
          "of '%s' and '%s' one is a list of messages and one is not; both must be texts or both lists"
              .formatted(from, to));
    }
    ArrayNode answered = Messages.of(row, to);
    if (!Messages.hasAnswer(answered)) {
      throw noAnswer("'" + to + "'");
    }
    return new Content.ChatAnswer(
        Messages.of(row, from), answered, Messages.tools(row, column("tools")));
  }

  private Content conversation(Row row, DataShape shape, ArrayNode messages)
      throws BadRowException {
    if (!Messages.hasAnswer(messages)) {
      throw noAnswer("the conversation");
    }
    return new Content.Conversation(messages, Messages.tools(row, column("tools")), shape);
  }

  private static BadRowException noAnswer(String where) {
    return new BadRowException(where + " has no message of the assistant: nothing to train");
  }

  /// The columns that a row's prompt is made of.
  List<String> promptColumns(Content content) {
    return switch (content) {
      case Content.Answer _ -> prompt.columns();
      case Content.ChatAnswer row -> withTools(List.of(column("prompt")), row.tools());
      case Content.Conversation row ->
          switch (row.shape()) {
            case ALPACA ->
                List.of(
                    column("system"), column("history"), column("instruction"), column("input"));
            case SHAREGPT -> withTools(List.of(column("system")), row.tools());
            default -> withTools(List.of(), row.tools());
          };
      case Content.Text _ -> List.of();
    };
  }

  /// The columns that what is trained is made of.
  List<String> trainedColumns(Content content) {
    return switch (content) {
      case Content.Answer _ -> completion.columns();
      case Content.ChatAnswer _ -> List.of(column("completion"));
      case Content.Conversation row ->
          switch (row.shape()) {
            case ALPACA -> List.of(column("output"));
            case SHAREGPT -> List.of(column("conversations"));
            default -> List.of(column("messages"));
          };
      case Content.Text _ -> List.of(column("text"));
    };
  }

  private List<String> withTools(List<String> columns, @Nullable ArrayNode tools) {
    List<String> all = new ArrayList<>(columns);
    if (tools != null) {
      all.add(column("tools"));
    }
    return all;
  }

  /// What is asked by a row whose completion is still to be made.
  public sealed interface Prompt {
    /// A text.
    record Text(String text) implements Prompt {}

    /// Messages, of which the last is not the assistant's.
    record Messages(ArrayNode messages, @Nullable ArrayNode tools) implements Prompt {}
  }

  /// Returns what is asked by a row; what an assistant says last is left out.
  public Prompt prompt(Row row) throws BadRowException {
    if (preferences != null) {
      return preferences.asked(row);
    }
    if (!conversation(row)) {
      return new Prompt.Text(prompt.render(row));
    }
    ArrayNode asked = messages(row);
    while (!asked.isEmpty() && Messages.isAnswer(asked.get(asked.size() - 1))) {
      asked.remove(asked.size() - 1);
    }
    if (asked.isEmpty()) {
      throw new BadRowException("the conversation has no message to answer");
    }
    return new Prompt.Messages(asked, Messages.tools(row, column("tools")));
  }

  private ArrayNode messages(Row row) throws BadRowException {
    DataShape shape = named == null ? recognised(row) : named;
    if (shape == DataShape.SHAREGPT) {
      return ShareGptRows.of(row, column("conversations"), column("system"));
    } else if (shape == DataShape.ALPACA) {
      return AlpacaRows.asked(row, this::column);
    } else if (row.isList(column("prompt"))
        && (shape != DataShape.MESSAGES || !has(row, "messages"))) {
      return Messages.of(row, column("prompt"));
    } else if (named == null && !has(row, "messages") && has(row, "instruction")) {
      return AlpacaRows.asked(row, this::column);
    }
    return Messages.of(row, column("messages"));
  }

  /// Whether the prompt of a row is messages.
  private boolean conversation(Row row) {
    if (fixed) {
      return false;
    }
    if (named != null && named != DataShape.PROMPT_COMPLETION) {
      return named != DataShape.TEXT;
    }
    DataShape shape = named == null ? recognised(row) : named;
    if (row.isList(column("prompt"))
        || shape == DataShape.MESSAGES
        || shape == DataShape.SHAREGPT
        || shape == DataShape.ALPACA) {
      return true; // it is asked as it is trained, whatever other columns it has
    }
    return named == null && !has(row, "prompt") && has(row, "instruction");
  }

  public static BadRowException noTemplate() {
    return new BadRowException("the row is a conversation, which is not read here");
  }

  /// Says of a preference pair how its chosen answer is trained.
  private BadRowException preference(Row row) throws BadRowException {
    String from = column("prompt");
    String how;
    if (row.isList("chosen")) {
      how = "--columns " + (row.isList(from) ? "completion" : "messages") + "=chosen";
    } else if (row.has(from)) {
      boolean lacksSpace = PromptBoundary.lacksSpace(row.text(from), row.text("chosen"));
      how = "--completion '" + (lacksSpace ? " " : "") + "{chosen}'";
    } else {
      how = "--columns text=chosen";
    }
    String what = "the row is a preference pair (chosen, rejected)";
    return new BadRowException(
        what
            + "; train --objective dpo learns from both answers, "
            + how
            + " trains on the chosen ones",
        what);
  }

  private BadRowException noShape(Row row) {
    for (String name : List.of("messages", "conversations", "text")) {
      if (row.names().contains(column(name))) {
        return new BadRowException("column '" + column(name) + "' is null");
      }
    }
    String list = row.names().stream().filter(row::isList).findFirst().orElse(null);
    String missing = "neither 'prompt' and 'completion' nor 'messages' nor 'text'";
    return new BadRowException(
        missing
            + "; "
            + row.columns()
            + (list == null
                ? "; name them in braces, such as --prompt '{question}' --completion ' {answer}'"
                : "; if " + list + " holds the messages, say --columns messages=" + list),
        missing);
  }

  private static String full(String name, String text) throws BadRowException {
    if (text.isEmpty()) {
      throw new BadRowException("the " + name + " is empty");
    }
    return text;
  }
}
