package dev.nudge.train;

import dev.nudge.model.Quantization;
import dev.nudge.quant.Nf4Format;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Compares 20 steps on an NF4 base with PEFT, bitsandbytes and torch's AdamW in fp32
/// (`src/test/reference/train20_nf4.py`).
///
/// Losses and gradient norms within 1e-4 relative at each step. The same steps without quantisation
/// have losses 1e-3 to 5e-2 away, so weights that are off by one code would show.
class TwentyNf4StepsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/train-nf4");

  @ParameterizedTest
  @CsvSource({"nested-bf16, 1, 4096", "nested-bf16, 2, 60", "plain-biased, 1, 4096"})
  void lossesEqualPeftWithBitsandbytes(String name, int lanes, int microBatchTokens)
      throws IOException {
    Path folder = GOLDEN.resolve(name);
    JsonNode settings = TwentySteps.expected(folder).get("settings");
    TwentySteps.hold(
        folder,
        folder.resolve("model"),
        Quantization.of(new Nf4Format(settings.get("double_quant").asBoolean())),
        lanes,
        microBatchTokens,
        trained -> {});
  }
}
