/// Trains an adapter or the model's own weights. Has the training loop, objective, optimiser,
/// learning-rate schedule, checkpoints, and events for listeners.
///
/// It knows nothing about terminals and command lines: a run emits events, and the listener prints
/// them. Read `TrainEvent` first, a run as seen from outside; then `Run`, the training loop, and
/// `Trainer`, an optimiser step.
@NullMarked
package dev.nudge.train;

import org.jspecify.annotations.NullMarked;
