package dev.nudge.eval.judge;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The judge's prompt template, with placeholders for the question and the answers.
///
/// @param text template with `{question}`, `{answer_a}`, `{answer_b}`, and `{reference}` if the
///     judge shall see the right answer; other braces are plain text
public record Rubric(String text) {
  private static final String REFERENCE = "{reference}";
  private static final Pattern PLACE =
      Pattern.compile("\\{(question|answer_a|answer_b|reference)\\}");

  /// Returns the default prompt template.
  public static Rubric standard() {
    try (InputStream in =
        Objects.requireNonNull(Rubric.class.getResourceAsStream("rubric.txt"), "rubric.txt")) {
      return new Rubric(new String(in.readAllBytes(), StandardCharsets.UTF_8).strip());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /// Reads a custom prompt template.
  ///
  /// @throws InputException if the file cannot be read, or a placeholder is missing
  public static Rubric read(Path file) {
    String text;
    try {
      text = Files.readString(file).strip();
    } catch (CharacterCodingException e) {
      throw new InputException("--judge-prompt " + file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(
          "--judge-prompt " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
    for (String place : List.of("{question}", "{answer_a}", "{answer_b}")) {
      if (!text.contains(place)) {
        throw new InputException(
            "--judge-prompt %s has no %s; it needs {question}, {answer_a} and {answer_b}, and may have {reference}"
                .formatted(file, place));
      }
    }
    return new Rubric(text);
  }

  /// Whether the judge sees the right answer.
  public boolean wantsReference() {
    return text.contains(REFERENCE);
  }

  /// Fills the template; braces inside answers are never placeholders.
  String of(Judge.Question question) {
    return PLACE
        .matcher(text)
        .replaceAll(
            place ->
                Matcher.quoteReplacement(
                    switch (place.group(1)) {
                      case "question" -> question.text();
                      case "answer_a" -> question.a();
                      case "answer_b" -> question.b();
                      default -> Objects.requireNonNullElse(question.reference(), "");
                    }));
  }
}
