package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.WeightFile;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Every layer has a norm, whatever its checkpoint calls its tensors and however many they are.
class WeightNormsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama/grouped-tied/model",
        "families/olmoe/model",
        "families/gemma3-multimodal/model"
      })
  void everyLayerHasTheNormOfItsTensors(String name) {
    Path folder = Path.of("src/test/resources/golden", name);
    ModelConfig config = ModelConfig.load(folder);
    List<LinearSlot> slots = Checkpoint.places(config).linears();
    Map<String, Double> norms =
        WeightNorms.of(folder, slots.stream().map(LinearSlot::path).toList());
    assertThat(norms).hasSameSizeAs(slots);
    try (WeightFile file = StackedExperts.open(folder, config)) {
      for (LinearSlot slot : slots) {
        double sum = 0;
        for (String weight : slot.weights()) {
          Tensor tensor = file.tensor(weight);
          for (long i = 0; i < tensor.elements(); i++) {
            sum += tensor.at(i) * tensor.at(i);
          }
        }
        assertThat(norms.get(slot.path()))
            .as(slot.path())
            .isCloseTo(Math.sqrt(sum), within(1e-9 * Math.sqrt(sum)));
      }
    }
  }
}
