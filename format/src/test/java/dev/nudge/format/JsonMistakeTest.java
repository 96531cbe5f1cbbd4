package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;

/// Holds what is said of each kind of mistake to plain words.
class JsonMistakeTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\": }|'}' stands where a value is needed",
        "{\"a\" 1}|'1' stands where a colon is needed",
        "{\"a\": 1 \"b\": 2}|'\"' stands where a comma or the closing brace is needed",
        "{'a': 1}|''' stands where a name in double quotes is needed",
        "{\"a\": 1,}|'}' stands where a name in double quotes is needed",
        "{\"a\": True}|True is no value; a text stands in double quotes",
        "{\"a\": NaN}|NaN is no value; a text stands in double quotes",
        "{\"a\": abc}|a word without quotes is no value; a text stands in double quotes",
        "{\"a\": \"b|it ends within a text",
        "{\"a\": 1]|']' closes what is not open",
        "{\"a\": \"\\u12x4\"}|'x' stands where a digit from 0 to 9 or a to f is needed",
        "{\"a\": 1|it ends before its closing brace",
        "{\"a\": |it ends before its closing brace",
        "{\"a|it ends within a text",
        "{\"a\": 1, \"a\": 2}|the name \"a\" comes twice",
        "{\"a\": \"\t\"}|a line break or another control character stands in a text; write it as"
            + " \\n",
        "{\"a\": \"\\x\"}|behind a \\ stands what is no escape; write \\\\ for \\",
        "{} {}|something stands behind its end",
        "{\"a\": 01}|a number is not written as JSON writes it",
        "{\"a\": 1.}|'}' stands where a digit is needed",
        "{\"a\": -}|'}' stands where a digit is needed"
      })
  void itIsSaidInPlainWords(String text, String what) {
    assertThat(JsonMistake.of(mistake(text))).isEqualTo(what);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"[|600|it is nested too deeply", "9|2000|a part of it is too long"})
  void whatIsTooMuchIsSaidToo(String piece, int times, String what) {
    assertThat(JsonMistake.of(mistake(piece.repeat(times)))).isEqualTo(what);
  }

  @ParameterizedTest
  @CsvSource({"2, 9"})
  void thePlaceIsALineAndAColumn(int line, int column) {
    assertThat(JsonMistake.place(mistake("{\"a\": 1,\n \"b\": 2 3}")))
        .isEqualTo("line " + line + ", column " + column);
  }

  private static JacksonException mistake(String text) {
    return catchThrowableOfType(JacksonException.class, () -> Json.parseStrictly(text));
  }
}
