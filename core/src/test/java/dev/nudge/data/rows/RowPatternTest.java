package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowPatternTest {
  private static final String ROW =
      """
      {"text": "a {b} \\\\n", "n": 1.50, "big": 12345678901234567890123, "e": 1E5, "yes": true,
       "no": false, "nil": null, "list": [1], "map": {"a": 1}, "two words": "w", "": "x"}
      """;

  private static String render(String pattern) throws BadRowException {
    return RowPattern.parse("--prompt", pattern).render(Row.parse(ROW));
  }

  @Test
  void columnsBracesAndEscapes() throws BadRowException {
    assertThat(render("Query: {text}\\nIntent:\\t{two words}\\\\n"))
        .isEqualTo("Query: a {b} \\n\nIntent:\tw\\n");
    assertThat(render("{{{n}}} }} {{text}}")).isEqualTo("{1.50} } {text}");
    assertThat(render("")).isEmpty();
    assertThat(render("é😀\n")).isEqualTo("é😀\n");
  }

  @Test
  void aTextThatHasTheFormOfAPatternIsKnown() {
    RowPattern pattern = RowPattern.parse("--prompt", "Query: {text}\\nIntent:");
    assertThat(pattern.fits("Query: a\nb?\nIntent:")).isTrue();
    assertThat(pattern.fits("Query: a Intent:")).isFalse();
    assertThat(pattern.fits("a")).isFalse();
    assertThat(RowPattern.parse("--prompt", "{prompt}").fits("")).isTrue();
  }

  @Test
  void numbersAndBooleansAreAsTheLineWritesThem() throws BadRowException {
    assertThat(render("{n} {big} {e} {yes} {no}"))
        .isEqualTo("1.50 12345678901234567890123 1E5 true false");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{nil}|column 'nil' is null",
        "{list}|column 'list' is an array; a text, a number or a boolean is needed",
        "{map}|column 'map' is an object; a text, a number or a boolean is needed",
        "{texd}|no column 'texd'; the columns are text, n, big, e, yes, no, nil, list, map, two"
            + " words, ; did you mean text?",
        "{Text}|no column 'Text'; the columns are text, n, big, e, yes, no, nil, list, map, two"
            + " words, ; did you mean text?",
      })
  void whatIsNoTextIsABadRow(String pattern, String reason) {
    assertThatThrownBy(() -> render(pattern))
        .isInstanceOf(BadRowException.class)
        .hasMessage(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "a {text|3: { without }",
        "a } b|3: } without {",
        "a {} b|3: { needs the name",
        "a { } b|3: { needs the name",
        "{a{b}|1: { needs the name",
        "a\\x|2: unknown escape; there are \\n, \\t and \\\\",
        "ab\\|3: unknown escape",
      })
  void aBrokenPatternIsRefusedAtItsCharacter(String pattern, String message) {
    assertThatThrownBy(() -> RowPattern.parse("--prompt", pattern))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--prompt '" + pattern + "' is broken at character ")
        .hasMessageContaining(message);
  }

  @Test
  void columnsAreListed() {
    assertThat(RowPattern.parse("--prompt", "{a} {{b}} {c}{a}").columns())
        .containsExactly("a", "c");
  }
}
