package dev.nudge.eval.run;

import dev.nudge.eval.task.Message;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import dev.nudge.text.chat.ChatException;
import dev.nudge.text.chat.ChatTemplate;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Renders conversations by a model's chat template as the harness does with transformers: with a
/// generation prompt, or continuing the last message. A system message that the template rejects
/// is dropped.
final class HarnessChat implements PromptStyle.Chat {
  private static final String MARK = "CONTINUE_FINAL_MESSAGE_TAG ";

  private final ChatTemplate template;

  HarnessChat(ChatTemplate template) {
    this.template = template;
  }

  @Override
  public String render(List<Message> messages, boolean begins) {
    try {
      return rendered(messages, begins);
    } catch (ChatException e) {
      List<Message> others = messages.stream().filter(m -> !m.role().equals("system")).toList();
      if (others.size() == messages.size()) {
        throw new InputException(String.valueOf(e.getMessage()), e);
      }
      try {
        return rendered(others, begins);
      } catch (ChatException again) {
        throw new InputException(String.valueOf(again.getMessage()), again);
      }
    }
  }

  private String rendered(List<Message> messages, boolean begins) {
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    for (int i = 0; i < messages.size(); i++) {
      Message m = messages.get(i);
      boolean goesOn = !begins && i == messages.size() - 1;
      all.addObject()
          .put("role", m.role())
          .put("content", goesOn ? m.content() + MARK : m.content());
    }
    String text = template.render(all, null, begins, Map.of()).text();
    if (begins) {
      return text;
    }
    int at = text.lastIndexOf(MARK.strip());
    if (at < 0) {
      throw new InputException(
          "%s leaves out the beginning of an answer that gen_prefix names; leave gen_prefix or --apply-chat-template out"
              .formatted(template.place()));
    }
    String before = text.substring(0, at);
    return text.startsWith(MARK, at) ? before : PythonText.stripEnd(before);
  }
}
