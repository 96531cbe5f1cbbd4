package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.RandomFolder;
import dev.nudge.nn.Recompute;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryTest {
  @TempDir Path folder;

  @Test
  void aLayerKeepsWhatItsLevelSays() {
    var c = BenchModels.SMOLLM2_135M; // d 576, q 576, k and v 192 each, inner 1536, 9 heads
    assertThat(Minimum.saved(c, Recompute.NONE, 16))
        .isEqualTo(2 * (576 + 576 + 384 + 576 + 576 + 2 * 1536 + 7 * 16) + 4 * (1 + 9 + 1));
    assertThat(Minimum.saved(c, Recompute.GATE_UP, 16))
        .isEqualTo(2 * (576 + 576 + 384 + 576 + 576 + 4 * 16) + 4 * (1 + 9 + 1));
    assertThat(Minimum.saved(c, Recompute.ALL_BUT_ATTENTION, 16))
        .isEqualTo(2 * (576 + 576) + 4 * (1 + 9));
    assertThat(Minimum.saved(c, Recompute.EVERYTHING, 16)).isEqualTo(2 * 576 + 4);
    assertThat(Minimum.saved(c, Recompute.OFFLOADED, 16)).isEqualTo(4);
  }

  @Test
  void theMinimumIsTheSumOfItsParts() {
    var m = Minimum.of(BenchModels.named("7b"), Recompute.EVERYTHING, 1024, 2, 16, 7);
    assertThat(m.adapter()).isEqualTo(39_976_960L * 22); // the known size of r 16 on 7B
    assertThat(m.saved()).isEqualTo(1024L * 32 * (2 * 4096 + 4));
    assertThat(m.dequantized()).isEqualTo(2L * 2 * 4096 * 11008);
    assertThat(m.total()).isEqualTo(7 + m.adapter() + m.saved() + m.dequantized() + m.head());
    assertThat(m.allowed()).isEqualTo((long) (1.15 * m.total()) + 250_000_000);
  }

  @Test
  void sevenBillionInFourBitsAreThreeAndAHalfGigabytes() {
    assertThat(RandomFolder.bytes(BenchModels.named("7b"), true) / 1e9)
        .isCloseTo(3.87, within(0.02));
    assertThat(RandomFolder.bytes(BenchModels.named("65b"), true) / 1e9)
        .isCloseTo(34.4, within(0.3));
  }
}
