package dev.nudge.chat;

import dev.nudge.format.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Builds messages and tools in OpenAI's form, one after the other.
///
///     ArrayNode messages = new Conversation().system("Be brief.").user("Hello").messages();
///
/// Threading: one thread.
public final class Conversation {
  private final ArrayNode messages = JsonNodeFactory.instance.arrayNode();
  private final ArrayNode tools = JsonNodeFactory.instance.arrayNode();

  /// Adds a system message.
  public Conversation system(String text) {
    return add("system", text);
  }

  /// Adds a user message.
  public Conversation user(String text) {
    return add("user", text);
  }

  private Conversation add(String role, String text) {
    messages.addObject().put("role", role).put("content", text);
    return this;
  }

  /// Adds an assistant message.
  ///
  /// @param text null or empty: no text
  /// @param thought the reasoning; null or empty: none
  /// @param calls tool calls, whose results follow
  public Conversation assistant(
      @Nullable String text, @Nullable String thought, List<AnswerText.Call> calls) {
    ObjectNode message = messages.addObject().put("role", "assistant");
    message.put("content", text == null ? "" : text);
    if (thought != null && !thought.isEmpty()) {
      message.put("reasoning_content", thought);
    }
    if (!calls.isEmpty()) {
      ArrayNode called = message.putArray("tool_calls");
      calls.forEach(call -> called.add(call.json()));
    }
    return this;
  }

  /// Adds a tool message with the result of a call.
  ///
  /// @param id id of the call
  /// @param name name of the tool; null: left out
  public Conversation result(String id, @Nullable String name, String result) {
    ObjectNode message = messages.addObject().put("role", "tool").put("tool_call_id", id);
    if (name != null) {
      message.put("name", name);
    }
    message.put("content", result);
    return this;
  }

  /// Adds a tool.
  ///
  /// @param description null: none
  /// @param parameters JSON schema of the arguments; null: none
  /// @throws FieldException if the schema is not JSON
  public Conversation tool(String name, @Nullable String description, @Nullable String parameters) {
    ObjectNode function = tools.addObject().put("type", "function").putObject("function");
    function.put("name", name);
    if (description != null) {
      function.put("description", description);
    }
    if (parameters != null) {
      try {
        function.set("parameters", Json.parse(parameters));
      } catch (JacksonException e) {
        throw new FieldException(
            "tools",
            "the parameters of '%s' are no JSON schema".formatted(FieldException.shown(name)));
      }
    }
    return this;
  }

  /// The messages so far.
  public ArrayNode messages() {
    return messages.deepCopy();
  }

  /// The tools; null: none.
  public @Nullable ArrayNode tools() {
    return tools.isEmpty() ? null : tools.deepCopy();
  }
}
