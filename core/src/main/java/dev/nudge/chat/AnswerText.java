package dev.nudge.chat;

import dev.nudge.text.StreamDecoder;
import dev.nudge.text.chat.Harmony;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Splits one answer, while it is decoded, into reasoning, text and tool calls, each with an id.
///
/// A character is emitted only once no tag (`<think>`, `</think>`, `<tool_call>` …) can begin with
/// it any more, a tool call once it is whole. A malformed tool call is emitted as text. [Harmony]
/// splits the answers of models that have channels.
///
/// Threading: one thread.
public final class AnswerText {
  private static final String THINK = "<think>";
  private static final String THOUGHT = "</think>";

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
  private final boolean oneCall;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder reasoning = new StringBuilder();
  private final List<Call> calls = new ArrayList<>();
  private List<Part> out = new ArrayList<>();
  private State state;
  private boolean fresh = true; // nothing was said or thought in this part yet
  private boolean behind; // a thought has just ended
  private boolean called; // there was a call

  /// @param oneCall whether tool calls after the first are dropped
  public AnswerText(Rules rules, boolean oneCall) {
    this.rules = rules;
    this.oneCall = oneCall;
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
  public List<Part> push(String piece) {
    if (harmony != null) {
      return parts(harmony.push(piece));
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
  public List<Part> end() {
    if (harmony != null) {
      return parts(harmony.end());
    }
    String rest = held.toString();
    held.setLength(0);
    switch (state) {
      case THINKING -> think(rest);
      case BEGIN, SAYING -> say((called || behind) && rest.isBlank() ? "" : rest);
      case CALLING -> called(rest, format().begin + rest);
      case BARE -> called(rest, rest);
    }
    return taken();
  }

  private List<Part> parts(List<Harmony.Part> parts) {
    for (Harmony.Part part : parts) {
      switch (part) {
        case Harmony.Part.Reasoning(String more) -> reason(more);
        case Harmony.Part.Content(String more) -> say(more);
        case Harmony.Part.ToolCall(String name, String arguments) -> {
          ToolFormat.Call call = rules.tools.isEmpty() ? null : ToolFormat.call(name, arguments);
          if (call == null) {
            emit(arguments);
          } else {
            emit(call);
          }
        }
      }
    }
    return taken();
  }

  private List<Part> taken() {
    List<Part> taken = out;
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
      think(release(THOUGHT, true));
      return false;
    }
    think(held.substring(0, at).stripTrailing());
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
      say(release("", false));
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
      say(release(format.begin, true));
      return false;
    }
    say(held.substring(0, at).stripTrailing());
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
  private void called(String inside, String raw) {
    boolean marked = state == State.CALLING;
    List<ToolFormat.Call> found = ToolFormat.calls(inside, marked ? null : rules.tools);
    found.forEach(this::emit);
    called |= !found.isEmpty();
    if (found.isEmpty()) {
      say(raw);
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

  private void say(String more) {
    if (!more.isEmpty()) {
      fresh = false;
      emit(more);
    }
  }

  private void think(String more) {
    String shown = fresh ? more.stripLeading() : more;
    if (!shown.isEmpty()) {
      fresh = false;
      reason(shown);
    }
  }

  private void emit(String more) {
    text.append(more);
    out.add(new Part.Content(more));
  }

  private void reason(String more) {
    reasoning.append(more);
    out.add(new Part.Reasoning(more));
  }

  private void emit(ToolFormat.Call call) {
    if (!oneCall || calls.isEmpty()) {
      String id = format().id(ThreadLocalRandom.current());
      calls.add(new Call(id, call.name(), call.arguments()));
      out.add(new Part.ToolCall(calls.size() - 1, calls.getLast()));
    }
  }

  /// All text so far.
  public String said() {
    return text.toString();
  }

  /// All reasoning so far.
  public String thought() {
    return reasoning.toString();
  }

  /// All tool calls so far.
  public List<Call> calls() {
    return List.copyOf(calls);
  }
}
