package dev.nudge.collective;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Rank 0 without connections.
///
/// @param ranks more than 1 only to plan
record Alone(int ranks) implements Collective {
  @Override
  public int rank() {
    return 0;
  }

  @Override
  public void sum(List<? extends Part> parts) {
    check();
    parts.forEach(part -> part.add(null));
  }

  @Override
  public void share(MemorySegment bytes) {
    check();
  }

  @Override
  public byte[] tell(byte[] message) {
    check();
    return message;
  }

  private void check() {
    if (ranks > 1) {
      throw new IllegalStateException("these " + ranks + " ranks are only planned");
    }
  }

  @Override
  public void close() {}
}
