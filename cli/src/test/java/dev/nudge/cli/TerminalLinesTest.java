package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TerminalLinesTest {

  @ParameterizedTest
  @ValueSource(strings = {"first\\", "\"\"\"", "\"\"\"first\nsecond", "\"\"\"a\" \""})
  void aMessageGoesOnInTheNextLine(String typed) {
    assertThat(TerminalLines.open(typed)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "first", "a \\ b", "\"\"\"first\nsecond\"\"\"", "say \"\"\" to me"})
  void aMessageIsWhole(String typed) {
    assertThat(TerminalLines.open(typed)).isFalse();
  }

  @Test
  void whatSaysThatItGoesOnIsNotPartOfIt() {
    assertThat(TerminalLines.message("one\\\ntwo")).isEqualTo("one\ntwo");
    assertThat(TerminalLines.message("\"\"\"\none\n  two\n\"\"\" ")).isEqualTo("one\n  two");
    assertThat(TerminalLines.message("\"\"\"\"\"\"")).isEmpty();
    assertThat(TerminalLines.message("a \"quoted\" word")).isEqualTo("a \"quoted\" word");
  }
}
