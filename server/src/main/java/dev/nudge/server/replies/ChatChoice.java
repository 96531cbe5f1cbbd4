package dev.nudge.server.replies;

import dev.nudge.chat.AnswerText;
import dev.nudge.chat.ChatText;
import dev.nudge.generate.Completion;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// One choice of a chat completion while it is generated, as OpenAI JSON.
public final class ChatChoice {
  private final AnswerText text;

  /// @param oneCall keep the first tool call only
  public ChatChoice(ChatText.Rules rules, boolean oneCall) {
    this.text = new AnswerText(rules, oneCall);
  }

  /// Adds generated text; returns the `delta` objects for a stream.
  List<ObjectNode> push(String piece) {
    return text.push(piece).stream().map(ChatChoice::delta).toList();
  }

  /// Returns the text that was held back at the end.
  List<ObjectNode> end() {
    return text.end().stream().map(ChatChoice::delta).toList();
  }

  private static ObjectNode delta(AnswerText.Part part) {
    ObjectNode delta = JsonNodeFactory.instance.objectNode();
    switch (part) {
      case AnswerText.Part.Content(String more) -> delta.put("content", more);
      case AnswerText.Part.Reasoning(String more) -> delta.put("reasoning_content", more);
      case AnswerText.Part.ToolCall(int index, AnswerText.Call call) ->
          delta.putArray("tool_calls").add(call.json().put("index", index));
    }
    return delta;
  }

  /// The complete message.
  public ObjectNode message() {
    ObjectNode message = JsonNodeFactory.instance.objectNode().put("role", "assistant");
    boolean silent = text.said().isEmpty() && !text.calls().isEmpty();
    message.put("content", silent ? null : text.said());
    message.putNull("refusal");
    if (!text.thought().isEmpty()) {
      message.put("reasoning_content", text.thought());
    }
    if (!text.calls().isEmpty()) {
      ArrayNode calls = message.putArray("tool_calls");
      text.calls().forEach(call -> calls.add(call.json()));
    }
    return message;
  }

  /// The reasoning text.
  String thought() {
    return text.thought();
  }

  /// The finish reason.
  public String finish(Completion.Stop stop) {
    return text.calls().isEmpty() || stop == Completion.Stop.LENGTH
        ? Reply.finish(stop)
        : "tool_calls";
  }
}
