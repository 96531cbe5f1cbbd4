package dev.nudge.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.bench.LeastFlops;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class LeastFlopsTest {
  @Test
  void countsTheShapeOfSmolLm2() {
    LeastFlops work = LeastFlops.of(BenchModels.SMOLLM2_135M, 16);
    // 30 layers of q, o 576 × 576, k, v 576 × 192, gate, up, down 576 × 1536
    assertThat(work.linear()).isEqualTo(30L * (2 * 331_776 + 2 * 110_592 + 3 * 884_736));
    assertThat(work.head()).isEqualTo(28_311_552L);
    assertThat(work.attention()).isEqualTo(17_280L);
    // the numbers of an adapter of rank 16
    assertThat(16 * work.adapted()).isEqualTo(4_884_480L);
  }

  @Test
  void countsEachTermOfTheFormula() {
    int[] lengths = {3, 5};
    assertThat(new LeastFlops(1, 0, 0, 0, 16, 4).flops(lengths, 7)).isEqualTo(4 * 8);
    assertThat(new LeastFlops(1, 0, 0, 0, 0, 6).flops(lengths, 7)).isEqualTo(6 * 8);
    assertThat(new LeastFlops(0, 1, 0, 0, 16, 4).flops(lengths, 7)).isEqualTo(4 * 7);
    assertThat(new LeastFlops(0, 0, 1, 0, 16, 4).flops(lengths, 7)).isEqualTo(7 * (9 + 25));
    assertThat(new LeastFlops(0, 0, 0, 1, 16, 4).flops(lengths, 7)).isEqualTo(6 * 16 * 8);
    assertThat(new LeastFlops(1, 1, 1, 1, 16, 4).flops(lengths, 7)).isEqualTo(32 + 28 + 238 + 768);
  }

  @Test
  void isWhatAStepOfFourThousandTokensTakes() {
    int[] lengths = new int[16];
    Arrays.fill(lengths, 256);
    double flops = LeastFlops.of(BenchModels.SMOLLM2_135M, 16).flops(lengths, 16 * 255);
    assertThat(flops).isEqualTo(2_448_383_016_960.0);
  }
}
