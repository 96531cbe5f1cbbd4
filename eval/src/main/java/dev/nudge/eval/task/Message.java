package dev.nudge.eval.task;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A part of a prompt that somebody says.
///
/// @param role system, user or assistant
/// @param behind what stands behind it where the prompt is plain text
public record Message(String role, String content, String behind) {
  Message(String role, String content) {
    this(role, content, "");
  }

  /// The parts as one text.
  static String plain(List<Message> messages) {
    StringBuilder all = new StringBuilder();
    messages.forEach(m -> all.append(m.content).append(m.behind));
    return all.toString();
  }

  /// Puts all that users and shots say into one message of a user.
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

  /// Joins two texts, with a delimiter unless one of them has white space there.
  static String joined(@Nullable String before, @Nullable String behind, String delimiter) {
    if (before == null || before.isEmpty()) {
      return behind == null ? "" : behind;
    }
    if (behind == null || behind.isEmpty()) {
      return before;
    }
    return needsDelimiter(before, behind) ? before + delimiter + behind : before + behind;
  }

  /// Whether neither of two texts has white space where they meet.
  static boolean needsDelimiter(String before, String behind) {
    return !before.isEmpty()
        && !behind.isEmpty()
        && !PythonText.isSpace(before.codePointBefore(before.length()))
        && !PythonText.isSpace(behind.codePointAt(0));
  }
}
