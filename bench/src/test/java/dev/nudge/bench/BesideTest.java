package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BesideTest {
  @Test
  void windowsAreComparedByTheirMedians() {
    List<Double> steady =
        IntStream.range(0, 420).mapToObj(i -> i < 20 ? 9.0 : i % 7 == 0 ? 5.0 : 1.0).toList();
    assertThat(Beside.windows(steady, 20, 100)).containsExactly(1, 1, 1, 1);
    double[] drifting = {1, 1, 1.02, 1.05};
    assertThat(Beside.worst(drifting)).isCloseTo(1.05 / 1.01 - 1, within(1e-12));
    assertThat(Beside.windows(Collections.nCopies(70, 1.0), 20, 100)).hasSize(1);
    assertThat(Beside.windows(Collections.nCopies(69, 1.0), 20, 100)).isEmpty();
  }

  @Test
  void aStepIsDividedByTheMeanOfWhatWasMeasuredBeforeAndAfterIt() {
    List<Integer> asked = new ArrayList<>();
    Beside beside =
        new Beside(
            "a machine that becomes slower",
            2,
            made -> {
              asked.add(made);
              return 1 + made;
            });
    beside.begin();
    List<Double> steps = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      steps.add(i <= 2 ? 2.0 : i <= 4 ? 4.0 : 11.0);
      beside.measure(steps, i == 5);
    }
    assertThat(asked).containsExactly(0, 2, 4, 5);
    assertThat(beside.windows(0, 1)).containsExactly(1, 1, 1, 1, 2);
  }
}
