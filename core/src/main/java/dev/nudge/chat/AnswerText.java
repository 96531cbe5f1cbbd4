package dev.nudge.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Parses one answer while it is decoded into text, reasoning and tool calls, each call with an id.
///
/// Threading: one thread.
public final class AnswerText {
  private final ChatText text;
  private final ToolFormat format;
  private final boolean oneCall;
  private final StringBuilder said = new StringBuilder();
  private final StringBuilder thought = new StringBuilder();
  private final List<Call> calls = new ArrayList<>();

  /// A tool call.
  ///
  /// @param id a new id, by which the client sends the tool's result back
  /// @param arguments a JSON object, as text
  public record Call(String id, String name, String arguments) {
    /// The call as an entry of `tool_calls` in an OpenAI message.
    public ObjectNode json() {
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.put("id", id).put("type", "function");
      json.putObject("function").put("name", name).put("arguments", arguments);
      return json;
    }
  }

  /// A part of the answer.
  public sealed interface Part {
    record Content(String text) implements Part {}

    record Reasoning(String text) implements Part {}

    /// @param index from 0
    record ToolCall(int index, Call call) implements Part {}
  }

  /// @param oneCall whether tool calls after the first are dropped
  public AnswerText(ChatText.Rules rules, boolean oneCall) {
    this.text = new ChatText(rules);
    this.format = rules.format() == null ? ToolFormat.HERMES : rules.format();
    this.oneCall = oneCall;
  }

  /// Adds decoded text and returns the parts that are complete now.
  public List<Part> push(String piece) {
    return parts(text.push(piece));
  }

  /// Returns the rest at the end of the answer.
  public List<Part> end() {
    return parts(text.end());
  }

  private List<Part> parts(List<ChatText.Delta> deltas) {
    List<Part> parts = new ArrayList<>();
    for (ChatText.Delta delta : deltas) {
      switch (delta) {
        case ChatText.Delta.Content(String more) -> {
          said.append(more);
          parts.add(new Part.Content(more));
        }
        case ChatText.Delta.Reasoning(String more) -> {
          thought.append(more);
          parts.add(new Part.Reasoning(more));
        }
        case ChatText.Delta.ToolCall(ToolFormat.Call call) -> {
          if (!oneCall || calls.isEmpty()) {
            String id = format.id(ThreadLocalRandom.current());
            calls.add(new Call(id, call.name(), call.arguments()));
            parts.add(new Part.ToolCall(calls.size() - 1, calls.getLast()));
          }
        }
      }
    }
    return parts;
  }

  /// All text so far.
  public String said() {
    return said.toString();
  }

  /// All reasoning so far.
  public String thought() {
    return thought.toString();
  }

  /// All tool calls so far.
  public List<Call> calls() {
    return List.copyOf(calls);
  }
}
