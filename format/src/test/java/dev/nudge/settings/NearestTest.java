package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {
  private static final List<String> KNOWN = List.of("rank", "alpha", "steps", "eval_steps", "seed");

  @Test
  void nearNamesComeNearestFirst() {
    assertThat(Nearest.of("step", KNOWN)).containsExactly("steps");
    assertThat(Nearest.of("evalsteps", KNOWN)).containsExactly("eval_steps");
    assertThat(Nearest.of("RANK", KNOWN)).containsExactly("rank");
    assertThat(Nearest.of("rnak", KNOWN)).containsExactly("rank");
  }

  @Test
  void nothingNearIsNoGuess() {
    assertThat(Nearest.of("temperature", KNOWN)).isEmpty();
    assertThat(Nearest.hint("temperature", KNOWN)).isEmpty();
    assertThat(Nearest.hint("alhpa", KNOWN)).isEqualTo("; did you mean alpha?");
  }
}
