package dev.nudge.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class BenchFlagsTest {
  private static BenchFlags of(String... args) {
    return BenchFlags.of(
        "bench/x", args, "--steps 5 --compute auto|bf16 --lengths 1,2 --rate 2e-4 --to …");
  }

  @Test
  void aFlagIsItsDefaultUntilItIsGiven() {
    assertThat(of().whole("steps")).isEqualTo(5);
    assertThat(of("--steps", "7").whole("steps")).isEqualTo(7);
    assertThat(of("--steps", "7").whole("steps", 9)).isEqualTo(7);
    assertThat(of("--steps", "0").whole("steps", 9)).isEqualTo(9);
    assertThat(of().text("compute")).isEqualTo("auto");
    assertThat(of().wholes("lengths")).containsExactly(1, 2);
    assertThat(of().given("to")).isFalse();
    assertThat(of().list("to")).isEmpty();
  }

  @Test
  void mistakesNameTheFlagAndShowTheUsage() {
    assertThatThrownBy(() -> of("--stepz", "7")).hasMessageContaining("no flag --stepz");
    assertThatThrownBy(() -> of("--steps")).hasMessageContaining("--steps has no value");
    assertThatThrownBy(() -> of("--compute", "fp8"))
        .hasMessage(
            "bench/x: --compute fp8: allowed are auto|bf16\n"
                + "usage: bench/x [--steps 5] [--compute auto|bf16] [--lengths 1,2] [--rate 2e-4]"
                + " [--to …]");
    assertThatThrownBy(() -> of("--steps", "x"))
        .hasMessageContaining("--steps x: a whole number is needed");
    assertThatThrownBy(() -> of("--lengths", "1,x"))
        .hasMessageContaining("--lengths 1,x: whole numbers with commas are needed");
    assertThatThrownBy(() -> of("--rate", "fast"))
        .hasMessageContaining("--rate fast: a number is needed");
    assertThat(of("--rate", "1.5e-3").real("rate")).isEqualTo(1.5e-3);
    assertThat(of("--to", "x").text("to")).isEqualTo("x");
  }
}
