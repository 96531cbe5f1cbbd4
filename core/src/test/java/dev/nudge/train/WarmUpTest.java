package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.nn.Machine;
import dev.nudge.settings.Compute;
import dev.nudge.tensor.Ledger;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/// A warm-up ends when it is told to and leaves no memory behind.
class WarmUpTest {
  @Test
  void warmingUpEndsAndGivesItsMemoryBack() throws InterruptedException {
    long before = Ledger.bytes();
    Path natives = Path.of(System.getProperty("java.io.tmpdir"), "nudge-natives");
    WarmUp warmUp = WarmUp.start(Compute.FP32, new Machine(2, 1L << 34, natives, "test"));
    Thread.sleep(300);
    warmUp.close();
    warmUp.join();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }
}
