package dev.nudge.chat;

import dev.nudge.text.StreamDecoder;
import dev.nudge.text.chat.Harmony;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Splits the text of an answer, while it is decoded, into reasoning, text and tool calls.
///
/// A character is emitted only once no tag (`<think>`, `</think>`, `<tool_call>` …) can begin with
/// it any more, a tool call once it is whole. A malformed tool call is emitted as text. [Harmony]
/// splits the answers of models that have channels.
///
/// Threading: one thread.
public final class ChatText {
  private static final String THINK = "<think>";
  private static final String THOUGHT = "</think>";

  /// A part of an answer.
  public sealed interface Delta {
    record Content(String text) implements Delta {}

    record Reasoning(String text) implements Delta {}

    record ToolCall(ToolFormat.Call call) implements Delta {}
  }

  private enum State {
    BEGIN,
    THINKING,
    SAYING,
    CALLING,
    BARE
  }

  /// How to parse an answer.
  ///
  /// @param thinks whether the template knows reasoning
  /// @param thinking whether the prompt ends inside a `<think>` block
  /// @param format how the model writes tool calls, and by [ToolFormat#HARMONY] all else; null: the
  ///     request has no tools
  /// @param tools names of the tools
  /// @param bare whether the answer is the JSON of a tool call and nothing else
  public record Rules(
      boolean thinks,
      boolean thinking,
      @Nullable ToolFormat format,
      Set<String> tools,
      boolean bare) {

    /// Returns how to parse the answer to a prompt.
    ///
    /// @param constrained whether a grammar constrains the answer
    public static Rules of(
        ChatTemplates.Prompt prompt, Tools tools, ToolFormat format, boolean constrained) {
      if (tools.must()) {
        return new Rules(false, false, format, tools.names(), true);
      }
      if (constrained && !tools.choosable().isEmpty()) {
        return new Rules(false, false, format, tools.names(), true); // a call, or what is said
      }
      if (!constrained && format == ToolFormat.HARMONY) {
        return new Rules(true, false, format, tools.names(), false);
      }
      boolean thinks = !constrained && prompt.template().contains(THOUGHT);
      return new Rules(
          thinks,
          thinks && prompt.text().stripTrailing().endsWith(THINK),
          tools.choosable().isEmpty() ? null : format,
          tools.names(),
          false);
    }
  }

  private final Rules rules;
  private final @Nullable Harmony harmony;
  private final StringBuilder held = new StringBuilder();
  private List<Delta> out = new ArrayList<>();
  private State state;
  private boolean fresh = true; // nothing was said or thought in this part yet
  private boolean behind; // a thought has just ended
  private boolean called; // there was a call

  public ChatText(Rules rules) {
    this.rules = rules;
    this.harmony = rules.format == ToolFormat.HARMONY && !rules.bare ? new Harmony() : null;
    if (rules.bare) {
      state = State.BARE;
    } else if (rules.thinks) {
      state = rules.thinking ? State.THINKING : State.BEGIN;
    } else {
      state = State.SAYING;
    }
  }

  /// Adds decoded text, marked as [StreamDecoder] does; returns the parts that are complete now.
  public List<Delta> push(String piece) {
    if (harmony != null) {
      return deltas(harmony.push(piece));
    }
    held.append(StreamDecoder.plain(piece));
    boolean more = true;
    while (more && !held.isEmpty()) {
      more =
          switch (state) {
            case BEGIN -> begin();
            case THINKING -> think();
            case SAYING -> say();
            case CALLING -> call();
            case BARE -> false;
          };
    }
    return taken();
  }

  /// Returns the rest at the end of the answer.
  public List<Delta> end() {
    if (harmony != null) {
      return deltas(harmony.end());
    }
    String rest = held.toString();
    held.setLength(0);
    switch (state) {
      case THINKING -> thought(rest);
      case BEGIN, SAYING -> said((called || behind) && rest.isBlank() ? "" : rest);
      case CALLING -> called(rest, format().begin + rest);
      case BARE -> called(rest, rest);
    }
    return taken();
  }

  private List<Delta> deltas(List<Harmony.Part> parts) {
    for (Harmony.Part part : parts) {
      switch (part) {
        case Harmony.Part.Reasoning(String text) -> out.add(new Delta.Reasoning(text));
        case Harmony.Part.Content(String text) -> said(text);
        case Harmony.Part.ToolCall(String name, String arguments) -> {
          ToolFormat.Call call = rules.tools.isEmpty() ? null : ToolFormat.call(name, arguments);
          out.add(call == null ? new Delta.Content(arguments) : new Delta.ToolCall(call));
        }
      }
    }
    return taken();
  }

  private List<Delta> taken() {
    List<Delta> taken = out;
    out = new ArrayList<>();
    return taken;
  }

  /// Tells by its first characters whether the answer begins with a thought.
  private boolean begin() {
    String text = held.toString().stripLeading();
    if (text.length() < THINK.length() && begins(text, THINK)) {
      return false;
    }
    if (begins(text, THINK)) {
      held.replace(0, held.length(), text.substring(THINK.length()));
      state = State.THINKING;
    } else {
      state = State.SAYING;
    }
    return true;
  }

  private boolean think() {
    int at = held.indexOf(THOUGHT);
    if (at < 0) {
      thought(release(THOUGHT, true));
      return false;
    }
    thought(held.substring(0, at).stripTrailing());
    held.delete(0, at + THOUGHT.length());
    state = State.SAYING;
    fresh = true;
    behind = true;
    return true;
  }

  private boolean say() {
    if (behind) {
      strip(); // the empty lines behind a thought
      if (held.isEmpty()) {
        return false;
      }
      behind = false;
    }
    ToolFormat format = rules.format;
    if (format == null) {
      said(release("", false));
      return false;
    }
    if (fresh) {
      String text = held.toString().stripLeading();
      if (text.isEmpty()) {
        return false;
      }
      if (text.startsWith("{") || (text.startsWith("[") && !begins(text, format.begin))) {
        state = State.BARE;
        return false;
      }
    }
    int at = held.indexOf(format.begin);
    if (at < 0) {
      said(release(format.begin, true));
      return false;
    }
    said(held.substring(0, at).stripTrailing());
    held.delete(0, at + format.begin.length());
    state = format.end == null ? State.BARE : State.CALLING;
    return true;
  }

  /// Whether a text may be the beginning of a mark, or has it there.
  private static boolean begins(String text, String mark) {
    return mark.startsWith(text.substring(0, Math.min(text.length(), mark.length())));
  }

  private boolean call() {
    String end = String.valueOf(format().end);
    int at = held.indexOf(end);
    if (at < 0) {
      return false;
    }
    String inside = held.substring(0, at);
    held.delete(0, at + end.length());
    called(inside, format().begin + inside + end);
    state = State.SAYING;
    fresh = true;
    return true;
  }

  /// @param raw what is said where it is no call
  private void called(String text, String raw) {
    boolean marked = state == State.CALLING;
    List<ToolFormat.Call> calls = ToolFormat.calls(text, marked ? null : rules.tools);
    calls.forEach(call -> out.add(new Delta.ToolCall(call)));
    called |= !calls.isEmpty();
    if (calls.isEmpty()) {
      said(raw);
    }
  }

  private ToolFormat format() {
    return rules.format == null ? ToolFormat.HERMES : rules.format;
  }

  /// Takes what cannot be the beginning of a mark, nor the blanks before one.
  private String release(String mark, boolean blanks) {
    int keep = 0;
    for (int n = Math.min(mark.length() - 1, held.length()); n > keep; n--) {
      if (mark.startsWith(held.substring(held.length() - n))) {
        keep = n;
      }
    }
    int end = held.length() - keep;
    while (blanks && end > 0 && Character.isWhitespace(held.charAt(end - 1))) {
      end--;
    }
    String text = held.substring(0, end);
    held.delete(0, end);
    return text;
  }

  private void strip() {
    int at = 0;
    while (at < held.length() && Character.isWhitespace(held.charAt(at))) {
      at++;
    }
    held.delete(0, at);
  }

  private void said(String text) {
    if (!text.isEmpty()) {
      fresh = false;
      out.add(new Delta.Content(text));
    }
  }

  private void thought(String text) {
    String shown = fresh ? text.stripLeading() : text;
    if (!shown.isEmpty()) {
      fresh = false;
      out.add(new Delta.Reasoning(shown));
    }
  }
}
