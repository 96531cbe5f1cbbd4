package dev.nudge.cli.ask;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SideBySideTest {

  @Test
  void textsStandInTwoColumnsThatBreakAtBlanks() {
    assertThat(
            SideBySide.lines(
                "one", "a b", "other", "seven words that do not fit into one column here", 63))
        .containsExactly(
            "— one                            — other",
            "a b                              seven words that do not fit",
            "                                 into one column here");
  }

  @Test
  void aNarrowTerminalHasThemOneAboveTheOther() {
    assertThat(SideBySide.lines("one", "a", "other", "b", 40))
        .containsExactly("— one", "a", "— other", "b");
  }

  @Test
  void aLongWordIsCutAndLinesOfATextStay() {
    assertThat(SideBySide.wrapped("abcdefghij kl\n\nm", 4))
        .isEqualTo(List.of("abcd", "efgh", "ij", "kl", "", "m"));
    assertThat(SideBySide.wrapped("", 4)).containsExactly("");
    assertThat(SideBySide.wrapped("ab😀😀😀", 4)).containsExactly("ab😀😀", "😀");
  }
}
