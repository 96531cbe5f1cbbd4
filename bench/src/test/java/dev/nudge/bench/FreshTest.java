package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.UncheckedIOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class FreshTest {
  private static final List<String> TINY =
      List.of("--shape", "tiny", "--compute", "fp32", "--length", "8", "--sequences", "1");

  @Test
  void makesAStepWheneverItIsAsked() {
    try (Fresh fresh = Fresh.start(TINY, 1)) {
      assertThat(fresh.step()).isPositive();
      assertThat(fresh.step()).isPositive();
    }
  }

  @Test
  void saysSoWhereItEnds() {
    Fresh fresh = Fresh.start(TINY, 0);
    fresh.close();
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(fresh::step)
        .withMessage("the fresh process has ended");
  }
}
