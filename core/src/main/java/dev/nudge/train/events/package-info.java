/// Defines a run's events, and listeners that write files or start a command.
///
/// It knows nothing about how a run computes. Read `TrainEvent` first.
@NullMarked
package dev.nudge.train.events;

import org.jspecify.annotations.NullMarked;
