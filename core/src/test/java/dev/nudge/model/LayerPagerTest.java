package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LayerPagerTest {
  @Test
  void layersAroundATurnStayCachedAsFarAsThereIsRoom() {
    // of 4 bytes at most; five are under way
    assertThat(told(4 * 7)).startsWith("+0 +1 +2 +3 +4 x0 x1 x2 +2 +1 +0 x4 x3 x2");
    assertThat(told(4 * 9)).startsWith("+0 +1 +2 +3 +4 x0 -1 -2 +2 +1 +0 x4 -3 -2");
  }

  @Test
  void twoLayersAreReadAheadAndWhatLiesBehindIsGivenBackInBothDirections() {
    assertThat(told(1000))
        .isEqualTo("+0 +1 +2 +3 +4 -0 -1 -2 +2 +1 +0 -4 -3 -2 +2 +3 +4 -0 -1 -2 +2 +1 +0 -4 -3 -2");
  }

  /// What a pager of five layers is heard to advise in two steps.
  private static String told(long cache) {
    List<List<MemorySegment>> layers = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      layers.add(List.of(MemorySegment.ofArray(new byte[i])));
    }
    List<String> told = new ArrayList<>();
    LayerPager.Advice advice =
        new LayerPager.Advice() {
          @Override
          public void willNeed(MemorySegment mapped) {
            told.add("+" + mapped.byteSize());
          }

          @Override
          public void drop(MemorySegment mapped) {
            told.add("-" + mapped.byteSize());
          }

          @Override
          public void evict(MemorySegment mapped) {
            told.add("x" + mapped.byteSize());
          }
        };
    try (LayerPager pager = new LayerPager(layers, cache, advice)) {
      for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 5; i++) {
          pager.at(i, 1);
          pager.at(i, 1); // another lane
        }
        for (int i = 4; i >= 0; i--) {
          pager.at(i, -1);
        }
      }
    }
    return String.join(" ", told);
  }
}
