package dev.nudge.text.chat;

import static dev.nudge.text.StreamDecoder.MARK;

import dev.nudge.text.StreamDecoder;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Splits an answer in OpenAI's harmony format (gpt-oss) into reasoning, text and tool calls while
/// it is decoded.
///
/// ```
/// <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>
/// <|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>
/// ```
///
/// The prompt ends with `<|start|>assistant`. A message to a function is a call; a message to
/// another recipient, such as `browser`, is left out. Else the channel `analysis` is reasoning and
/// any other channel is text (`commentary` is the text before a call). Messages of one kind are
/// joined by a line break. An answer without a channel is text.
///
/// Only special tokens are marks; each follows a [StreamDecoder#MARK]. Text that spells one is
/// ordinary.
///
/// Threading: one thread.
///
/// @see <a href="https://github.com/openai/harmony/blob/main/docs/format.md">the format</a>
public final class Harmony {
  /// The header before the text of an answer.
  public static final String ANSWER = "<|channel|>final<|message|>";

  private static final String MESSAGE = "<|message|>";
  private static final String BODY = MARK + MESSAGE;
  private static final List<String> ENDS =
      List.of(MARK + "<|end|>", MARK + "<|start|>", MARK + "<|call|>", MARK + "<|return|>");
  private static final List<String> HEADS =
      List.of(MARK + "<|channel|>", BODY, MARK + "<|start|>", "to=");
  private static final Pattern CHANNEL = Pattern.compile(MARK + "<\\|channel\\|>\\s*(\\w+)");
  private static final Pattern RECIPIENT = Pattern.compile("\\bto=([^\\s<" + MARK + "]+)");
  private static final String FUNCTIONS = "functions.";

  /// A part of an answer.
  public sealed interface Part {
    record Reasoning(String text) implements Part {}

    record Content(String text) implements Part {}

    /// @param arguments complete, as the model wrote them
    record ToolCall(String name, String arguments) implements Part {}
  }

  private enum Kind {
    HEADER,
    THOUGHT,
    SAID,
    CALL,
    OTHER
  }

  private final StringBuilder held = new StringBuilder();
  private final StringBuilder said = new StringBuilder();
  private final Set<Kind> finishedKinds = EnumSet.noneOf(Kind.class);
  private List<Part> out = new ArrayList<>();
  private Kind kind = Kind.HEADER;
  private boolean first = true; // no message has been opened yet
  private boolean fresh; // no text of this message yet
  private String name = "";
  private boolean thinking; // a `<think>` that [#written] opened

  /// Whether a template uses this format.
  public static boolean isIn(String template) {
    return template.contains("<|channel|>") && template.contains(MESSAGE);
  }

  /// Whether a range of the answer so far is within a message, not in its header.
  public static boolean isBody(CharSequence answer, int start, int end) {
    String text = answer.toString();
    int mark = text.lastIndexOf(MARK, end - 1);
    String head = text.stripLeading();
    return mark < 0
        ? !head.startsWith("to=") && !"to=".startsWith(head)
        : text.startsWith(BODY, mark) && start >= mark + BODY.length();
  }

  /// Rewrites a whole answer with `<think>` and `<tool_call>`, as most models mark reasoning and
  /// calls.
  public static String written(String answer) {
    Harmony harmony = new Harmony();
    return harmony.written(harmony.push(answer)) + harmony.written(harmony.end());
  }

  /// Writes the next parts of this answer with `<think>` and `<tool_call>`.
  public String written(List<Part> parts) {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      boolean thought = part instanceof Part.Reasoning;
      if (thought != thinking) {
        text.append(thought ? "<think>\n" : "\n</think>\n\n");
        thinking = thought;
      }
      text.append(
          switch (part) {
            case Part.Reasoning(String more) -> more;
            case Part.Content(String more) -> more;
            case Part.ToolCall(String called, String arguments) ->
                "<tool_call>\n{\"name\": \"%s\", \"arguments\": %s}\n</tool_call>\n"
                    .formatted(called, arguments);
          });
    }
    return text.toString();
  }

  /// Adds decoded text with marked special tokens and returns the parts that are complete now.
  public List<Part> push(String piece) {
    held.append(piece);
    while (kind == Kind.HEADER ? header() : body()) {
      // the next message
    }
    return taken();
  }

  /// Returns the rest at the end of the answer.
  public List<Part> end() {
    if (first && held.indexOf(MARK) < 0) {
      open(Kind.SAID);
    }
    if (kind != Kind.HEADER) {
      take(held.toString()); // a header without a message has no text
    }
    held.setLength(0);
    return taken();
  }

  /// Returns all text so far.
  public String said() {
    return said.toString();
  }

  private List<Part> taken() {
    List<Part> taken = out;
    out = new ArrayList<>();
    return taken;
  }

  private boolean header() {
    String text = held.toString().stripLeading();
    if (first && HEADS.stream().noneMatch(h -> h.startsWith(text) || text.startsWith(h))) {
      open(Kind.SAID);
      return true;
    }
    int at = held.indexOf(BODY);
    if (at < 0) {
      return false;
    }
    String header = held.substring(0, at);
    held.delete(0, at + BODY.length());
    Matcher to = RECIPIENT.matcher(header);
    String recipient = to.find() ? to.group(1) : "";
    Matcher channel = CHANNEL.matcher(header);
    name = recipient.startsWith(FUNCTIONS) ? recipient.substring(FUNCTIONS.length()) : "";
    if (!name.isEmpty()) {
      open(Kind.CALL);
    } else if (channel.find() && channel.group(1).equals("analysis")) {
      open(Kind.THOUGHT);
    } else {
      open(recipient.isEmpty() ? Kind.SAID : Kind.OTHER);
    }
    return true;
  }

  private void open(Kind next) {
    kind = next;
    first = false;
    fresh = true;
  }

  private boolean body() {
    int end = -1;
    String mark = "";
    for (String one : ENDS) {
      int at = held.indexOf(one);
      if (at >= 0 && (end < 0 || at < end)) {
        end = at;
        mark = one;
      }
    }
    if (end >= 0) {
      String rest = held.substring(0, end);
      held.delete(0, end + mark.length());
      take(rest);
      kind = Kind.HEADER;
      return true;
    }
    if (kind != Kind.CALL) {
      int keep = held.lastIndexOf(MARK);
      boolean open = keep >= 0 && begins(held.substring(keep));
      int to = open ? keep : held.length();
      String now = held.substring(0, to);
      held.delete(0, to);
      take(now);
    }
    return false;
  }

  private static boolean begins(String tail) {
    return ENDS.stream().anyMatch(mark -> mark.startsWith(tail));
  }

  private void take(String marked) {
    String text = StreamDecoder.plain(marked);
    if (text.isEmpty() || kind == Kind.OTHER) {
      return;
    }
    String shown = fresh && !finishedKinds.add(kind) ? "\n" + text : text;
    fresh = false;
    switch (kind) {
      case THOUGHT -> out.add(new Part.Reasoning(shown));
      case SAID -> {
        said.append(shown);
        out.add(new Part.Content(shown));
      }
      case CALL -> out.add(new Part.ToolCall(name, text));
      case HEADER, OTHER -> {}
    }
  }
}
