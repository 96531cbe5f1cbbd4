package dev.nudge.chat;

import dev.nudge.data.ChatRows;
import dev.nudge.data.PlainMessages;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.Harmony;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Renders conversations into prompts, by the chat template of the settings, the adapter or the
/// model.
///
/// OpenAI messages are converted ([PlainMessages]).
///
/// Threading: any number of threads.
public final class ChatTemplates {
  private static final int MOST = 256; // templates kept

  private final Path model;
  private final @Nullable String template;
  private final Tokenizer tokenizer;
  private final Consumer<String> warnings;
  private final Set<String> asked = ConcurrentHashMap.newKeySet(); // digests of adapters
  private final Recent<Key, ChatRows> rows = new Recent<>(MOST);

  /// A template that writes today's date is another one tomorrow.
  private record Key(@Nullable String digest, @Nullable Path folder, LocalDate day) {}

  /// A rendered prompt.
  ///
  /// @param turnEnd the template's end-of-turn token, which ends an answer too; null: none
  /// @param answer ids that stand before the text of an answer, where a model has channels
  /// @param text the prompt as text
  /// @param template source of the template, which tells how to parse the answer
  public record Prompt(
      int[] ids, int[] answer, @Nullable Integer turnEnd, String text, String template) {
    /// The prompt's ids; of an answer that a grammar constrains, up to its text.
    public int[] ids(boolean constrained) {
      return constrained
          ? IntStream.concat(IntStream.of(ids), IntStream.of(answer)).toArray()
          : ids;
    }
  }

  /// Says that neither settings, adapter nor model have a usable chat template.
  public static final class NoTemplate extends InputException {
    private static final long serialVersionUID = 1L;

    NoTemplate(InputException cause) {
      super(String.valueOf(cause.getMessage()), cause);
    }
  }

  /// @param model the model folder
  /// @param template file or name of one template for all adapters; null: none
  /// @param warnings receives a line for each adapter in use that was trained on plain texts
  public ChatTemplates(
      Path model, @Nullable String template, Tokenizer tokenizer, Consumer<String> warnings) {
    this.model = model;
    this.template = template;
    this.tokenizer = tokenizer;
    this.warnings = warnings;
  }

  /// Renders a conversation into a prompt.
  ///
  /// @param called name of the adapter in warnings
  /// @param digest digest of the adapter; null: the base model
  /// @param folder folder of the adapter; null: the base model
  /// @param messages messages in OpenAI's form; they are converted in place
  /// @param tools null: none
  /// @param variables more variables for the template
  /// @throws NoTemplate if there is no usable template
  /// @throws FieldException if the template refuses the conversation or has no place for tools
  public Prompt of(
      String called,
      @Nullable String digest,
      @Nullable Path folder,
      ArrayNode messages,
      @Nullable ArrayNode tools,
      @Nullable ObjectNode variables) {
    ChatRows rows =
        this.rows.get(new Key(digest, folder, LocalDate.now(ZoneOffset.UTC)), this::load);
    if (tools != null && !tools.isEmpty() && !rows.template().knowsTools()) {
      throw new FieldException(
          "tools",
          "the chat template has no place for tools; leave 'tools' out, or ask a model whose"
              + " template shows them");
    }
    try {
      ChatRows.checkMessages(messages);
      Map<String, JsonNode> names = new HashMap<>();
      if (variables != null) {
        variables.properties().forEach(entry -> names.put(entry.getKey(), entry.getValue()));
      }
      var prompt = rows.prompt(messages, tools, names);
      PlainMessages.convert(messages);
      if (digest != null && folder != null && asked.add(digest)) {
        // whoever loads it refuses a nudge.json that cannot be understood
        AdapterPatterns.checkSpoken(true, called, folder, true, warnings);
      }
      int[] answer =
          tokenizer.asksForChannels(prompt.ids())
              ? tokenizer.ids(Harmony.ANSWER, false)
              : new int[0];
      return new Prompt(
          prompt.ids(), answer, rows.turnEnd(), prompt.text(), rows.template().text());
    } catch (IllegalArgumentException e) {
      throw new FieldException(
          "messages", FieldException.withoutFlags(String.valueOf(e.getMessage())));
    }
  }

  private ChatRows load(Key key) {
    ChatRows made =
        ChatRows.of(model, key.folder, template, TrainOn.ASSISTANT, tokenizer)
            .on(key.day.atStartOfDay(ZoneOffset.UTC).toInstant());
    try {
      made.template();
    } catch (InputException e) {
      throw new NoTemplate(e);
    }
    return made;
  }
}
