package dev.nudge.eval.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/// What of some documents is independent.
class UnitsTest {
  private static final Units THREE = Units.of(List.of(0, 0, 0, 1, 1, 2));

  @Test
  void documentsOfSeveralClustersAreDrawnInThose() {
    assertThat(THREE.some(List.of(0, 2, 3))).isEqualTo(new Units(List.of(0, 0, 1), 2));
    assertThat(THREE.areOfOne(List.of(0, 2, 3))).isFalse();
  }

  @Test
  void documentsOfOneClusterStandEachForItself() {
    assertThat(THREE.some(List.of(0, 1, 2))).isEqualTo(Units.alone(3));
    assertThat(THREE.areOfOne(List.of(0, 1, 2))).isTrue();
  }

  @Test
  void oneDocumentIsNoCluster() {
    assertThat(THREE.some(List.of(5))).isEqualTo(Units.alone(1));
    assertThat(THREE.areOfOne(List.of(5))).isFalse();
    assertThat(THREE.some(List.of())).isEqualTo(Units.alone(0));
    assertThat(Units.alone(4).areOfOne(List.of(0, 1))).isFalse();
  }
}
