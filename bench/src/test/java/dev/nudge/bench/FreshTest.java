package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class FreshTest {
  private static final List<String> TINY =
      List.of("--shape", "tiny", "--compute", "fp32", "--length", "8", "--sequences", "1");

  @Test
  void saysSoWhereItEnds() {
    Fresh fresh = Fresh.start(TINY, 0);
    fresh.close();
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(fresh::step)
        .withMessage("the fresh process has ended");
  }

  @Test
  void isAnotherOneInEachWindow() {
    try (Fresh.Renewed fresh = new Fresh.Renewed(TINY, 1, 2)) {
      List<Set<Long>> processes = new ArrayList<>();
      for (int made = 0; made <= 4; made++) {
        assertThat(fresh.step(made)).isPositive();
        processes.add(
            ProcessHandle.current().children().map(ProcessHandle::pid).collect(Collectors.toSet()));
      }
      assertThat(processes).doesNotContain(Set.of());
      assertThat(processes.subList(1, 3)).containsOnly(processes.getFirst());
      assertThat(processes.get(3)).doesNotContainAnyElementsOf(processes.getFirst());
      assertThat(processes.get(4)).isEqualTo(processes.get(3));
    }
  }
}
