package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Tell this machine from others by name.
class LoopbackTest {
  @ParameterizedTest
  @ValueSource(strings = {"localhost", "LocalHost", "127.0.0.1", "127.1.2.255", "::1", "[::1]"})
  void namesOfThisMachineAreKnown(String host) {
    assertThat(Loopback.is(host)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "127.example.com",
        "127.0.0",
        "127.0.0.256",
        "128.0.0.1",
        "0.0.0.0",
        "::",
        "[::1",
        "127.0.0.1:80",
        "localhost "
      })
  void whateverMayBeAnotherMachineIsNot(String host) {
    assertThat(Loopback.is(host)).isFalse();
  }
}
