package dev.nudge.eval.metric;

import dev.nudge.python.JsonCheck;
import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Finds Markdown and other formatting in a response, as IFEval defines it.
final class ResponseFormat {
  private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES;
  private static final int LINES = FLAGS | Pattern.MULTILINE;
  private static final String BLANK = "[\\s\\x1c-\\x1f]"; // \s of Python's re

  private static final Pattern STAR = Pattern.compile("^" + BLANK + "*\\*[^*].*$", LINES);
  private static final Pattern HYPHEN = Pattern.compile("^" + BLANK + "*-.*$", LINES);
  private static final Pattern HIGHLIGHT = Pattern.compile("\\*[^\\n*]*\\*", FLAGS);
  private static final Pattern DOUBLE_HIGHLIGHT = Pattern.compile("\\*\\*[^\\n*]*\\*\\*", FLAGS);
  private static final Pattern DIVIDER = Pattern.compile(BLANK + "?\\*\\*\\*" + BLANK + "?", FLAGS);
  private static final Pattern TITLE = Pattern.compile("<<[^\\n]+>>", FLAGS);
  private static final Pattern PLACEHOLDER = Pattern.compile("\\[.*?\\]", FLAGS);

  private ResponseFormat() {}

  /// Returns the number of paragraphs between `***` dividers; −1 if an inner one is empty.
  static int paragraphs(String text) {
    String[] paragraphs = DIVIDER.split(text, -1);
    int number = paragraphs.length;
    for (int i = 0; i < paragraphs.length; i++) {
      if (PythonText.strip(paragraphs[i]).isEmpty()) {
        if (i > 0 && i < paragraphs.length - 1) {
          return -1;
        }
        number--;
      }
    }
    return number;
  }

  /// Returns the number of lines that begin with a star or a hyphen.
  static int bullets(String text) {
    return PythonText.found(STAR, text).size() + PythonText.found(HYPHEN, text).size();
  }

  /// Returns the number of highlighted texts between stars; a text in double stars counts twice if
  /// the inner pair also matches.
  static int highlights(String text) {
    int highlights = 0;
    for (String highlight : PythonText.found(HIGHLIGHT, text)) {
      String inside = PythonText.stripEnd(PythonText.stripStart(highlight, '*'), '*');
      highlights += PythonText.strip(inside).isEmpty() ? 0 : 1;
    }
    for (String highlight : PythonText.found(DOUBLE_HIGHLIGHT, text)) {
      String inside = highlight.substring(2);
      inside = inside.endsWith("**") ? inside.substring(0, inside.length() - 2) : inside;
      highlights += PythonText.strip(inside).isEmpty() ? 0 : 1;
    }
    return highlights;
  }

  /// Returns the number of placeholders in square brackets.
  static int placeholders(String text) {
    return PythonText.found(PLACEHOLDER, text).size();
  }

  /// Whether the response is JSON, with or without a code fence.
  static boolean isJson(String text) {
    String json = PythonText.strip(text);
    for (String fence : List.of("```json", "```Json", "```JSON", "```")) {
      json = json.startsWith(fence) ? json.substring(fence.length()) : json;
    }
    json = json.endsWith("```") ? json.substring(0, json.length() - 3) : json;
    return JsonCheck.is(PythonText.strip(json));
  }

  /// Whether there is a title in double angle brackets.
  static boolean hasTitle(String text) {
    return PythonText.found(TITLE, text).stream()
        .map(title -> PythonText.stripEnd(PythonText.stripStart(title, '<'), '>'))
        .anyMatch(title -> !PythonText.strip(title).isEmpty());
  }

  /// Whether the response is two different answers separated by six stars.
  static boolean areTwo(String text) {
    String[] parts = text.split("\\*{6}", -1);
    List<String> answers = new ArrayList<>();
    for (int i = 0; i < parts.length; i++) {
      String answer = PythonText.strip(parts[i]);
      if (!answer.isEmpty()) {
        answers.add(answer);
      } else if (i > 0 && i < parts.length - 1) {
        return false;
      }
    }
    return answers.size() == 2 && !answers.get(0).equals(answers.get(1));
  }

  /// Whether the response is in double quotes.
  static boolean isQuoted(String text) {
    String bare = PythonText.strip(text);
    return bare.length() > 1 && bare.startsWith("\"") && bare.endsWith("\"");
  }
}
