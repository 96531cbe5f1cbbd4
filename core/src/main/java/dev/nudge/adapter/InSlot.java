package dev.nudge.adapter;

import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;

/// A placement that is another layer in a slot.
interface InSlot extends Placement {
  LinearSlot slot();

  /// What is in the slot without it.
  Linear base();

  /// What is in the slot with it.
  Linear made();

  @Override
  default String path() {
    return slot().path();
  }

  @Override
  default boolean free() {
    return slot().linear() == base();
  }

  @Override
  default boolean there() {
    return slot().linear() == made();
  }

  @Override
  default void put() {
    slot().set(made());
  }

  @Override
  default void remove() {
    slot().set(base());
  }
}
