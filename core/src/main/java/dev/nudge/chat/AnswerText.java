package dev.nudge.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// One answer as it comes: what is said, thought and called, each call with an id.
///
/// Threading: one thread.
public final class AnswerText {
  private final ChatText text;
  private final ToolFormat format;
  private final boolean oneCall;
  private final StringBuilder said = new StringBuilder();
  private final StringBuilder thought = new StringBuilder();
  private final List<Call> calls = new ArrayList<>();

  /// A call of a tool.
  ///
  /// @param id made here, by which its result is sent back
  /// @param arguments a JSON object, as text
  public record Call(String id, String name, String arguments) {
    /// The call as it stands in a message, in OpenAI's form.
    public ObjectNode json() {
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.put("id", id).put("type", "function");
      json.putObject("function").put("name", name).put("arguments", arguments);
      return json;
    }
  }

  /// A part of the answer.
  public sealed interface Part {
    record Said(String text) implements Part {}

    record Thought(String text) implements Part {}

    /// @param index from 0
    record Called(int index, Call call) implements Part {}
  }

  /// @param oneCall whether calls behind the first are left out
  public AnswerText(ChatText.Rules rules, boolean oneCall) {
    this.text = new ChatText(rules);
    this.format = rules.format() == null ? ToolFormat.HERMES : rules.format();
    this.oneCall = oneCall;
  }

  /// Takes text and returns what is certain now.
  public List<Part> push(String piece) {
    return parts(text.push(piece));
  }

  /// Returns what was held back, at the end of the answer.
  public List<Part> end() {
    return parts(text.end());
  }

  private List<Part> parts(List<ChatText.Delta> deltas) {
    List<Part> parts = new ArrayList<>();
    for (ChatText.Delta delta : deltas) {
      switch (delta) {
        case ChatText.Delta.Said(String more) -> {
          said.append(more);
          parts.add(new Part.Said(more));
        }
        case ChatText.Delta.Thought(String more) -> {
          thought.append(more);
          parts.add(new Part.Thought(more));
        }
        case ChatText.Delta.Called(ToolFormat.Call call) -> {
          if (!oneCall || calls.isEmpty()) {
            String id = format.id(ThreadLocalRandom.current());
            calls.add(new Call(id, call.name(), call.arguments()));
            parts.add(new Part.Called(calls.size() - 1, calls.getLast()));
          }
        }
      }
    }
    return parts;
  }

  /// What was said.
  public String said() {
    return said.toString();
  }

  /// What was thought.
  public String thought() {
    return thought.toString();
  }

  /// What was called.
  public List<Call> calls() {
    return List.copyOf(calls);
  }
}
