package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Locale;
import org.junit.jupiter.api.Test;

/// The library is here where a build runs.
class NativesTest {
  /// Without this, every test of parity could compare plain Java with plain Java and pass.
  @Test
  void oneDnnLoadsOnLinux() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    assumeTrue(os.contains("linux") && (arch.equals("amd64") || arch.equals("aarch64")));
    OneDnn provider = new OneDnn();
    assertThat(provider.load(dev.nudge.Backends.cache())).isEmpty();
    assertThat(provider.name()).startsWith("oneDNN 3.");
    assertThat(provider.probe(dev.nudge.tensor.Dtype.F32)).isPositive();
  }
}
