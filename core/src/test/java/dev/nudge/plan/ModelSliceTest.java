package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.model.family.ModelConfig;
import org.junit.jupiter.api.Test;

class ModelSliceTest {
  private static ModelConfig shape(int hidden, int layers, int vocabulary) {
    ModelConfig any = KnownModels.named("7B").orElseThrow();
    return any.sized(hidden, 3 * hidden, layers, hidden / 128, hidden / 128, vocabulary);
  }

  private static void is(ModelSlice slice, int layers, int width, int tokens) {
    assertThat(slice.config().numHiddenLayers()).isEqualTo(layers);
    assertThat(slice.config().hiddenSize()).isEqualTo(width);
    assertThat(slice.tokens()).isEqualTo(tokens);
  }

  @Test
  void aSmallModelStandsForItself() {
    is(ModelSlice.of(shape(256, 12, 4096), 320, 320), 12, 256, 320);
  }

  @Test
  void aLargeVocabularyIsCutAndNothingElse() {
    ModelSlice slice = ModelSlice.of(shape(1024, 2, 128256), 256, 64);
    is(slice, 2, 1024, 256);
    assertThat(slice.config().vocabSize()).isLessThan(128256);
    assertThat(slice.lengths()).containsExactly(64, 64, 64, 64);
  }

  @Test
  void aLargeModelIsCutToTwoLayersThenInWidth() {
    is(ModelSlice.of(KnownModels.named("7B").orElseThrow(), 512, 512), 2, 1024, 512);
  }

  @Test
  void aLongMicroBatchIsCutAtLast() {
    ModelSlice slice = ModelSlice.of(KnownModels.named("70B").orElseThrow(), 16384, 8192);
    assertThat(slice.config().hiddenSize()).isLessThanOrEqualTo(512);
    assertThat(slice.tokens()).isLessThan(16384);
    assertThat(slice.longest()).isLessThanOrEqualTo(slice.tokens());
  }
}
