package dev.nudge.eval;

import org.junit.jupiter.api.Tag;

/// [PeekingTest] with 2,000 experiments in each of its tests: some 25 seconds.
@Tag("slow")
class ManyPeekingTest extends PeekingTest {
  @Override
  int experiments() {
    return 2000;
  }
}
