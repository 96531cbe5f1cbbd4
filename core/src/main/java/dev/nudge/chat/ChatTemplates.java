package dev.nudge.chat;

import dev.nudge.data.ChatRows;
import dev.nudge.format.Json;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Makes prompts of conversations, by the template of the settings, the adapter or the model.
///
/// What OpenAI's clients send is brought into the form that templates know: a content in parts
/// becomes one text, arguments of calls become objects, a developer is the system.
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

  /// A prompt.
  ///
  /// @param turnEnd a token that ends an answer too; null: none
  /// @param text what the template made
  /// @param template its text, by which answers are read
  @SuppressWarnings("ArrayRecordComponent")
  public record Prompt(int[] ids, @Nullable Integer turnEnd, String text, String template) {}

  /// There is no template for a conversation.
  public static final class NoTemplate extends InputException {
    private static final long serialVersionUID = 1L;

    NoTemplate(InputException cause) {
      super(String.valueOf(cause.getMessage()), cause);
    }
  }

  /// @param model its folder
  /// @param template a file or a name that comes before those of adapters and the model; null: none
  /// @param warnings told one line of each adapter that was trained on texts, at its first
  ///     conversation
  public ChatTemplates(
      Path model, @Nullable String template, Tokenizer tokenizer, Consumer<String> warnings) {
    this.model = model;
    this.template = template;
    this.tokenizer = tokenizer;
    this.warnings = warnings;
  }

  /// Makes the prompt of a conversation.
  ///
  /// @param called what warnings call the adapter
  /// @param digest of the adapter that answers; null: the base
  /// @param folder of that adapter; null: the base
  /// @param messages in OpenAI's form; they are changed into what templates know
  /// @param tools null: none
  /// @param variables more names for the template
  /// @throws NoTemplate where neither settings, adapter nor model have one that can be used
  /// @throws FieldException where the template refuses the conversation
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
          "the chat template has no place for tools; leave 'tools' out, or ask a model whose template shows them");
    }
    try {
      ChatRows.checkMessages(messages);
      messages.forEach(message -> plain((ObjectNode) message));
      Map<String, JsonNode> names = new HashMap<>();
      if (variables != null) {
        variables.properties().forEach(entry -> names.put(entry.getKey(), entry.getValue()));
      }
      var prompt = rows.prompt(messages, tools, names);
      if (digest != null && folder != null && asked.add(digest)) {
        // whoever loads it refuses a nudge.json that cannot be understood
        AdapterPatterns.checkSpoken(true, called, folder, true, warnings);
      }
      return new Prompt(prompt.ids(), rows.turnEnd(), prompt.text(), rows.template().text());
    } catch (IllegalArgumentException e) {
      throw new FieldException(
          "messages", FieldException.withoutFlags(String.valueOf(e.getMessage())));
    }
  }

  private ChatRows load(Key key) {
    ChatRows made = ChatRows.of(model, key.folder, template, TrainOn.ASSISTANT, tokenizer);
    try {
      made.template();
    } catch (InputException e) {
      throw new NoTemplate(e);
    }
    return made;
  }

  /// Brings a message into the form that templates know.
  private static void plain(ObjectNode message) {
    JsonNode content = message.path("content");
    if (content.isArray()) {
      StringBuilder text = new StringBuilder();
      for (JsonNode part : content) {
        text.append(text.isEmpty() ? "" : "\n").append(part.path("text").asString());
      }
      message.put("content", text.toString());
    }
    if (message.path("role").asString().equals("developer")) {
      message.put("role", "system");
    }
    for (JsonNode call : message.path("tool_calls")) {
      if (call.path("function") instanceof ObjectNode function
          && function.path("arguments").isString()) {
        try {
          JsonNode arguments = Json.parse(function.path("arguments").stringValue());
          function.set("arguments", arguments.isObject() ? arguments : function.path("arguments"));
        } catch (JacksonException e) {
          // it stays a text
        }
      }
    }
  }
}
