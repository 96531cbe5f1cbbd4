package dev.nudge.server;

import dev.nudge.generate.Completion;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// One choice of a chat as it comes: what is said, thought and called.
final class ChatChoice {
  private final ChatText text;
  private final ToolFormat format;
  private final boolean oneCall;
  private final StringBuilder said = new StringBuilder();
  private final StringBuilder thought = new StringBuilder();
  private final ArrayNode calls = JsonNodeFactory.instance.arrayNode();

  /// @param oneCall whether calls behind the first are left out
  ChatChoice(ChatText.Rules rules, boolean oneCall) {
    this.text = new ChatText(rules);
    this.format = rules.format() == null ? ToolFormat.HERMES : rules.format();
    this.oneCall = oneCall;
  }

  /// Takes text and returns what a stream says of it: `delta` objects.
  List<ObjectNode> push(String piece) {
    return deltas(text.push(piece));
  }

  /// Returns what was held back.
  List<ObjectNode> end() {
    return deltas(text.end());
  }

  private List<ObjectNode> deltas(List<ChatText.Delta> parts) {
    List<ObjectNode> deltas = new ArrayList<>();
    for (ChatText.Delta part : parts) {
      ObjectNode delta = JsonNodeFactory.instance.objectNode();
      switch (part) {
        case ChatText.Delta.Said(String more) -> {
          said.append(more);
          delta.put("content", more);
        }
        case ChatText.Delta.Thought(String more) -> {
          thought.append(more);
          delta.put("reasoning_content", more);
        }
        case ChatText.Delta.Called(ToolFormat.Call call) -> {
          if (oneCall && !calls.isEmpty()) {
            continue;
          }
          ObjectNode made = call(call);
          ObjectNode shown = made.deepCopy();
          shown.put("index", calls.size());
          calls.add(made);
          delta.putArray("tool_calls").add(shown);
        }
      }
      deltas.add(delta);
    }
    return deltas;
  }

  private ObjectNode call(ToolFormat.Call call) {
    ObjectNode made = JsonNodeFactory.instance.objectNode();
    made.put("id", format.id(ThreadLocalRandom.current())).put("type", "function");
    made.putObject("function").put("name", call.name()).put("arguments", call.arguments());
    return made;
  }

  /// The message of an answer that is whole.
  ObjectNode message() {
    ObjectNode message = JsonNodeFactory.instance.objectNode().put("role", "assistant");
    message.put("content", said.isEmpty() && !calls.isEmpty() ? null : said.toString());
    message.putNull("refusal");
    if (!thought.isEmpty()) {
      message.put("reasoning_content", thought.toString());
    }
    if (!calls.isEmpty()) {
      message.set("tool_calls", calls);
    }
    return message;
  }

  /// What was thought.
  String thought() {
    return thought.toString();
  }

  /// Why it ended.
  String finish(Completion.Stop stop) {
    return calls.isEmpty() || stop == Completion.Stop.LENGTH ? Reply.finish(stop) : "tool_calls";
  }
}
