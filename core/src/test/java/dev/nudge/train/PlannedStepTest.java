package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlannedStepTest {
  /// A sequence of five prompt tokens, the first of which names the prompt.
  private static Example sequence(int prompt, int length) {
    int[] ids = new int[length];
    ids[0] = prompt;
    return Examples.of(ids, 5);
  }

  private static final List<Example> PAIRS =
      List.of(sequence(1, 8), sequence(1, 7), sequence(1, 9), sequence(2, 6));

  @Test
  void aRowComputesAPromptOfItsSequencesOnce() {
    PlannedStep shared = PlannedStep.of(PAIRS, 2, 2, true, 10);
    assertThat(shared.lengths()).containsExactly(10, 9, 6);
    assertThat(shared.tokens()).isEqualTo(30);
    assertThat(shared.trained()).isEqualTo(10 / 25.0);
  }

  @Test
  void rowsComeAgainIfThereAreTooFewAndShareNothing() {
    PlannedStep whole = PlannedStep.of(PAIRS, 3, 2, false, 10);
    assertThat(whole.lengths()).containsExactly(8, 7, 9, 6, 8, 7);
    assertThat(whole.trained()).isEqualTo(15 / 45.0);
    List<Example> one = PAIRS.subList(0, 2);
    assertThat(PlannedStep.of(one, 2, 2, true, 10).lengths()).containsExactly(10, 10);
    assertThat(PlannedStep.of(one, 1, 2, true, 9).lengths()).containsExactly(8, 7);
  }

  @Test
  void withoutRowsAllSequencesHaveOneLength() {
    PlannedStep step = PlannedStep.assumed(3, 100);
    assertThat(step.lengths()).containsExactly(100, 100, 100);
    assertThat(step.tokens()).isEqualTo(300);
    assertThat(step.trained()).isEqualTo(1);
  }
}
