package dev.nudge.adapter;

import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;

/// A placement that replaces the layer in a slot.
public interface SlotPlacement extends Placement {
  LinearSlot slot();

  /// The layer in the slot before.
  Linear base();

  /// The layer that is put into the slot.
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
