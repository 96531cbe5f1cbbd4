package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds the table of shapes to the numbers of parameters that the models are published with: the
/// elements of all tensors in their files, a tied head once.
class KnownModelsTest {

  @ParameterizedTest
  @CsvSource({
    "7B, 6738415616",
    "13B, 13015864320",
    "33B, 32528943616",
    "65B, 65285660672",
    "70B, 68976648192",
    "Llama-3.2-1B, 1235814400",
    "Llama-3.2-3B, 3212749824",
    "Llama-3.1-8B, 8030261248",
    "Llama-3.1-70B, 70553706496",
    "SmolLM2-135M, 134515008",
    "SmolLM2-360M, 361821120",
    "SmolLM2-1.7B, 1711376384",
    "Qwen2.5-0.5B, 494032768",
    "Qwen2.5-1.5B, 1543714304",
    "Qwen2.5-3B, 3085938688",
    "Qwen2.5-7B, 7615616512",
    "Qwen2.5-14B, 14770033664",
    "Qwen2.5-32B, 32763876352",
    "Qwen2.5-72B, 72706203648",
    "Qwen3-0.6B, 596049920",
    "Qwen3-1.7B, 1720574976",
    "Qwen3-4B, 4022468096",
    "Qwen3-8B, 8190735360",
    "Qwen3-14B, 14768307200",
    "Qwen3-32B, 32762123264",
    "Mistral-7B, 7248023552",
    "Mistral-Nemo, 12247782400",
    "Mistral-Small-24B, 23572403200"
  })
  void aShapeHasTheParametersOfItsModel(String name, long published) {
    assertThat(KnownModels.named(name).orElseThrow().parameters()).isEqualTo(published);
    assertThat(KnownModels.names()).contains(name);
  }

  @Test
  void shortNamesAreThoseOfLlama() {
    assertThat(KnownModels.named("8b")).isEqualTo(KnownModels.named("Llama-3.1-8B")).isPresent();
    assertThat(KnownModels.named("1B")).isEqualTo(KnownModels.named("Llama-3.2-1B"));
    assertThat(KnownModels.named("8")).isEmpty();
  }
}
