package dev.nudge.server;

import dev.nudge.data.ChatRows;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ServeSettings;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
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
final class Prompts {
  private static final int MOST = 256; // templates kept

  private final Path model;
  private final @Nullable String template;
  private final Tokenizer tokenizer;
  private final Map<Key, ChatRows> rows =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, ChatRows> eldest) {
          return size() > MOST;
        }
      };

  /// A template that writes today's date is another one tomorrow.
  private record Key(@Nullable String digest, LocalDate day) {}

  /// A prompt.
  ///
  /// @param turnEnd a token that ends an answer too; null: none
  /// @param text of the template, by which answers are read
  @SuppressWarnings("ArrayRecordComponent")
  record Prompt(int[] ids, @Nullable Integer turnEnd, String text, String template) {}

  Prompts(ServeSettings settings, Tokenizer tokenizer) {
    this.model = settings.model();
    this.template = settings.template();
    this.tokenizer = tokenizer;
  }

  /// Makes the prompt of a conversation.
  ///
  /// @param messages are changed into what templates know
  /// @param tools null: none
  /// @param variables more names for the template
  /// @throws ApiException where the template refuses it
  Prompt of(
      Served served,
      ArrayNode messages,
      @Nullable ArrayNode tools,
      @Nullable ObjectNode variables) {
    ChatRows rows = rows(served);
    try {
      ChatRows.checkMessages(messages);
      messages.forEach(message -> plain((ObjectNode) message));
      Map<String, JsonNode> names = new HashMap<>();
      if (variables != null) {
        variables.properties().forEach(entry -> names.put(entry.getKey(), entry.getValue()));
      }
      var prompt = rows.prompt(messages, tools, names);
      return new Prompt(prompt.ids(), rows.turnEnd(), prompt.text(), rows.template().text());
    } catch (IllegalArgumentException e) {
      throw ApiException.wrong("messages", String.valueOf(e.getMessage()));
    }
  }

  private ChatRows rows(Served served) {
    Key key = new Key(served.digest(), LocalDate.now(ZoneOffset.UTC));
    synchronized (rows) {
      ChatRows known = rows.get(key);
      if (known != null) {
        return known;
      }
    }
    ChatRows made = ChatRows.of(model, served.folder(), template, TrainOn.ASSISTANT, tokenizer);
    try {
      made.template();
    } catch (InputException e) {
      throw ApiException.wrong(
          "model",
          "'%s' has no chat template that can be used; ask /v1/completions, or start the server with --template"
              .formatted(served.asked()));
    }
    synchronized (rows) {
      rows.put(key, made);
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
