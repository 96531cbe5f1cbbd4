package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.Ledger;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A warm-up steps as the run will, ends when it is told to and leaves no memory behind.
class WarmUpTest {
  @ParameterizedTest
  @CsvSource({"lora, adamw", "lora, adamw-8bit", "full, adamw", "full, adamw-8bit"})
  void warmingUpEndsAndGivesItsMemoryBack(String method, String optimizer)
      throws InterruptedException {
    TrainSettings settings =
        TrainSettings.of(
            Map.of(
                "model",
                "m",
                "data",
                List.of("d"),
                "out",
                "o",
                "compute",
                "fp32",
                "method",
                method,
                "optimizer",
                optimizer));
    long before = Ledger.bytes();
    Ledger.most();
    WarmUp warmUp = WarmUp.start(settings, TinyRun.MACHINE);
    while (Ledger.byOwner().getOrDefault("workspace 0", 0L) == 0) { // it steps
      Thread.sleep(5);
    }
    warmUp.close();
    warmUp.join();
    assertThat(Ledger.most() - before).isLessThan(160L << 20);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }
}
