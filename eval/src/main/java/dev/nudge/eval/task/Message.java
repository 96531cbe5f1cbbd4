package dev.nudge.eval.task;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A message of a chat prompt.
///
/// @param role system, user or assistant
/// @param behind delimiter after the message in a plain text prompt
public record Message(String role, String content, String behind) {
  Message(String role, String content) {
    this(role, content, "");
  }

  /// Concatenates messages to a plain text prompt.
  static String plain(List<Message> messages) {
    StringBuilder all = new StringBuilder();
    messages.forEach(m -> all.append(m.content).append(m.behind));
    return all.toString();
  }

  /// Merges few-shot examples and question into one user message; a system message and the
  /// beginning of the answer stay separate.
  static List<Message> oneTurn(List<Message> messages) {
    List<Message> rest = new ArrayList<>(messages);
    List<Message> all = new ArrayList<>();
    if (rest.getFirst().role.equals("system")) {
      all.add(rest.removeFirst());
    }
    boolean begun = rest.getLast().role.equals("assistant");
    Message answer = begun ? rest.removeLast() : null;
    Message last = rest.removeLast();
    rest.add(new Message(last.role, last.content));
    all.add(new Message("user", plain(rest)));
    if (answer != null) {
      all.add(answer);
    }
    return all;
  }

  /// Joins two texts, with a delimiter unless there is white space at the joint.
  static String joined(@Nullable String before, @Nullable String behind, String delimiter) {
    if (before == null || before.isEmpty()) {
      return behind == null ? "" : behind;
    }
    if (behind == null || behind.isEmpty()) {
      return before;
    }
    return needsDelimiter(before, behind) ? before + delimiter + behind : before + behind;
  }

  /// Whether two texts would meet without white space.
  static boolean needsDelimiter(String before, String behind) {
    return !before.isEmpty()
        && !behind.isEmpty()
        && !PythonText.isSpace(before.codePointBefore(before.length()))
        && !PythonText.isSpace(behind.codePointAt(0));
  }
}
