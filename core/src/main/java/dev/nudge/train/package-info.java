/// Trains an adapter or the model's own weights: the loop, its objective, optimiser and schedule,
/// and the events told on the way.
///
/// It knows nothing about terminals and command lines: a run is told as events, and who draws
/// them is not its business. Read `TrainEvent` first: it is the run as seen from outside;
/// then `Run`, the loop, and `Trainer`, a step.
@NullMarked
package dev.nudge.train;

import org.jspecify.annotations.NullMarked;
