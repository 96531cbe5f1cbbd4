package dev.nudge.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.code.CodeKernels;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.GemmProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// The compute type follows the products' rates, and a neighbour that halves some does not change
/// it.
class ComputeChoiceTest {

  /// Products of these rates, of which each `slow`-th measure gives half.
  private record Rates(double bf16, double fp32, int slow, int[] asked) implements GemmProvider {
    @Override
    public Optional<String> load(Path cache) {
      return Optional.empty();
    }

    @Override
    public String name() {
      return "fake";
    }

    @Override
    public Gemm open(int threads) {
      return Gemm.plain();
    }

    @Override
    public List<String> distrust(int... widths) {
      return List.of();
    }

    @Override
    public double probe(Dtype dtype) {
      double rate = dtype == Dtype.BF16 ? bf16 : fp32;
      return slow > 0 && asked[0]++ % slow == 0 ? rate / 2 : rate;
    }
  }

  private static Dtype choose(Compute wanted, double bf16, double fp32, int slow) {
    return Backend.choose(wanted, new Rates(bf16, fp32, slow, new int[1]), new ArrayList<>());
  }

  /// `.ci/run` prints the line: a run that passes says nothing about other instructions.
  @Test
  void theBuildTellsWhatItCanTest() {
    Backend backend = Backends.of(Compute.AUTO);
    String code = CodeKernels.isIn(backend.kernels()) ? " with machine code" : "";
    System.out.println("This run tests: " + backend.name() + code + "; " + backend.processor());
    assertThat(backend.name())
        .startsWith(backend.compute() == Dtype.BF16 ? "bf16, " : "fp32, ")
        .endsWith(Kernels.fastest().name());
    assertThat(backend.processor()).startsWith(System.getProperty("os.arch"));
  }

  @Test
  void theFasterIsTaken() {
    assertThat(choose(Compute.AUTO, 200, 110, 0)).isEqualTo(Dtype.BF16);
    assertThat(choose(Compute.AUTO, 80, 160, 0)).isEqualTo(Dtype.F32);
    assertThat(choose(Compute.AUTO, 0, 160, 0)).isEqualTo(Dtype.F32);
    assertThat(choose(Compute.FP32, 200, 110, 0)).isEqualTo(Dtype.F32);
    assertThat(choose(Compute.BF16, 80, 160, 0)).isEqualTo(Dtype.BF16);
  }

  @Test
  void aSlowMeasureNowAndThenChangesNothing() {
    for (int slow : List.of(3, 4, 5, 12)) {
      assertThat(choose(Compute.AUTO, 200, 110, slow)).as("each %d", slow).isEqualTo(Dtype.BF16);
      assertThat(choose(Compute.AUTO, 80, 160, slow)).as("each %d", slow).isEqualTo(Dtype.F32);
    }
  }

  private static Backend again(Compute before, double bf16, double fp32) {
    Rates rates = new Rates(bf16, fp32, 0, new int[1]);
    return Backend.resolve(Compute.AUTO, before, Path.of("none"), Optional.of(rates));
  }

  @Test
  void whatGoesOnKeepsItsTypeWhateverAMeasureSays() {
    Backend slow = again(Compute.BF16, 80, 160);
    assertThat(slow.compute()).isEqualTo(Dtype.BF16);
    assertThat(slow.notes()).noneMatch(note -> note.contains("GFLOP/s"));
    assertThat(again(Compute.FP32, 200, 110).compute()).isEqualTo(Dtype.F32);
    assertThat(again(Compute.BF16, 0, 160).compute()).isEqualTo(Dtype.F32); // there is none
  }

  /// Products of which some are wrong: those are off, and have the rate 0.
  private record Wrong(boolean bf16Too, boolean fp32Too, List<int[]> asked)
      implements GemmProvider {
    @Override
    public Optional<String> load(Path cache) {
      return Optional.empty();
    }

    @Override
    public String name() {
      return "wrong";
    }

    @Override
    public Gemm open(int threads) {
      throw new AssertionError("products that are wrong are opened");
    }

    @Override
    public List<String> distrust(int... widths) {
      asked.add(widths);
      return List.of("products are wrong on this processor");
    }

    @Override
    public double probe(Dtype dtype) {
      return (dtype == Dtype.BF16 ? bf16Too : fp32Too) ? 0 : 200;
    }
  }

  private static Backend resolve(Wrong provider) {
    return Backend.resolve(Compute.AUTO, null, Path.of("none"), Optional.of(provider), 576, 1536);
  }

  @Test
  void aTypeWhoseProductsAreWrongIsNotChosenAndTheUserIsTold() {
    Wrong provider = new Wrong(true, false, new ArrayList<>());
    Backend backend = resolve(provider);
    assertThat(backend.compute()).isEqualTo(Dtype.F32);
    assertThat(backend.notes()).contains("products are wrong on this processor");
    assertThat(provider.asked).containsExactly(new int[] {576, 1536});
  }

  @Test
  void plainJavaMultipliesWhereAllProductsAreWrong() {
    Backend backend = resolve(new Wrong(true, true, new ArrayList<>()));
    assertThat(backend.notes())
        .contains("products are wrong on this processor")
        .anyMatch(note -> note.endsWith("so products run in plain Java, a hundred times slower"));
    try (Gemm gemm = backend.gemms().apply(1)) {
      assertThat(gemm.packs()).isFalse();
    }
  }

  @Test
  void bf16ThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> choose(Compute.BF16, 0, 160, 0))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--compute bf16: this processor has no bf16 products");
  }
}
