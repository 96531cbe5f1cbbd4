package dev.nudge.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Compares with lm-evaluation-harness and NLTK (`instructions.py`).
class InstructionsTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/instructions.json"));

  private static Instructions one(String id, Map<String, ?> arguments) {
    return Instructions.of(List.of(id), List.of(arguments));
  }

  @Test
  void verdictsAreTheHarnesss() {
    List<String> wrong = new ArrayList<>();
    for (JsonNode row : GOLDEN.get("cases")) {
      Instructions.Verdict verdict =
          one(row.get(0).asString(), Json.plain(row.get(1))).verdict(row.get(2).asString());
      if (verdict.allStrict() != row.get(3).asBoolean()
          || verdict.allLoose() != row.get(4).asBoolean()) {
        wrong.add(verdict + " of " + row);
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(GOLDEN.get("cases").valueStream().map(row -> row.get(0).asString()).distinct())
        .hasSize(22); // and three that ask for a language
  }

  @Test
  void sentencesAndWordsAreCutAsByNltk() {
    List<String> wrong = new ArrayList<>();
    for (JsonNode row : GOLDEN.get("texts")) {
      String text = row.get(0).asString();
      List<String> tokens = WordTokens.of(text);
      List<Integer> counted =
          List.of(
              PunktSentences.of(text).size(),
              words(text),
              (int) tokens.stream().filter(PythonText::isUpper).count(),
              tokens.size());
      List<Integer> golden =
          List.of(row.get(1).asInt(), row.get(2).asInt(), row.get(3).asInt(), row.get(4).asInt());
      if (!counted.equals(golden)) {
        wrong.add(counted + " of " + row + " " + PunktSentences.of(text) + tokens);
      }
    }
    assertThat(wrong).isEmpty();
  }

  private static int words(String text) {
    int n = 0;
    while (one(
            "length_constraints:number_words", Map.of("num_words", n + 1, "relation", "at least"))
        .verdict(text + " x")
        .allStrict()) {
      n++;
    }
    return n - 1;
  }

  /// langdetect, which the harness asks, says the same of every sentence.
  @Test
  void languagesAreThoseOfLangdetect() {
    for (JsonNode row : GOLDEN.get("languages")) {
      String text = row.get(0).asString();
      assertThat(Languages.of(text)).as(text).isEqualTo(row.get(1).asString());
      assertThat(Languages.of(text.toUpperCase(Locale.ROOT)))
          .as("capitals of %s", text) // which langdetect mostly takes for another language
          .isEqualTo(row.get(1).asString());
      assertThat(
              one("language:response_language", Map.of("language", row.get(1).asString()))
                  .verdict(text)
                  .allStrict())
          .isTrue();
    }
    assertThat(Languages.of("123 !?")).isNull();
    assertThat(Languages.of("")).isNull();
  }

  @Test
  void englishIsAskedForInOneCase() {
    Instructions capital = one("change_case:english_capital", Map.of());
    assertThat(capital.verdict("THE SEA IS BLUE AND SO IS THE SKY.").allStrict()).isTrue();
    assertThat(capital.verdict("The sea is blue and so is the sky.").allStrict()).isFalse();
    assertThat(capital.verdict("DAS MEER IST BLAU UND DER HIMMEL IST ES AUCH.").allStrict())
        .isFalse();
    Instructions lower = one("change_case:english_lowercase", Map.of());
    assertThat(lower.verdict("the sea is blue and so is the sky.").allStrict()).isTrue();
    assertThat(lower.verdict("the Sea is blue and so is the sky.").allStrict()).isFalse();
    assertThat(lower.verdict("123").allStrict()).isFalse();
  }

  @Test
  void severalInstructionsAreJudgedOneByOne() {
    Instructions both =
        Instructions.of(
            List.of("punctuation:no_comma", "startend:quotation"), List.of(Map.of(), Map.of()));
    Instructions.Verdict verdict = both.verdict("Sure, here it is:\n\"Yes.\"");
    assertThat(verdict.strict()).containsExactly(false, false);
    assertThat(verdict.loose()).containsExactly(true, true);
    assertThat(verdict.allStrict()).isFalse();
    assertThat(verdict.allLoose()).isTrue();
  }

  @Test
  void emptyResponsesFollowNothing() {
    assertThat(one("punctuation:no_comma", Map.of()).verdict(" \n").allLoose()).isFalse();
  }

  @Test
  void whatCannotBeAskedIsRefused() {
    assertThatThrownBy(() -> one("keywords:magic", Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("the instruction 'keywords:magic' is unknown; there are")
        .hasMessageContaining("punctuation:no_comma");
    assertThatThrownBy(() -> one("keywords:existence", Map.of("keywords", List.of(), "x", 1)))
        .isInstanceOf(InputException.class)
        .hasMessage("the instruction keywords:existence needs keywords; it has [x]");
    assertThatThrownBy(
            () ->
                one(
                    "length_constraints:number_words",
                    Map.of("num_words", 5, "relation", "at most")))
        .hasMessage(
            "relation of the instruction length_constraints:number_words is at most; it must be one"
                + " of [less than, at least]");
    assertThatThrownBy(
            () -> one("detectable_format:number_bullet_lists", Map.of("num_bullets", 2.5)))
        .hasMessageEndingWith("is 2.5; it must be a whole number above 0");
    assertThatThrownBy(
            () ->
                one(
                    "length_constraints:nth_paragraph_first_word",
                    Map.of("num_paragraphs", 2, "nth_paragraph", 3, "first_word", "a")))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(() -> one("keywords:existence", Map.of("keywords", List.of("("))))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(() -> one("startend:end_checker", Map.of("end_phrase", 3)))
        .hasMessageContaining("must be a text");
    assertThat(InstructionChecks.known()).hasSize(25);
  }
}
