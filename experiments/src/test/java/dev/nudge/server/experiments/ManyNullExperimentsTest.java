package dev.nudge.server.experiments;

import org.junit.jupiter.api.Tag;

/// [NullExperimentsTest] with 2,000 experiments of each kind: some minutes.
@Tag("slow")
class ManyNullExperimentsTest extends NullExperimentsTest {
  @Override
  int experiments() {
    return 2000;
  }
}
