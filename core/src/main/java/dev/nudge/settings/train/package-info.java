/// Defines the settings of training, planning and sweeps.
///
/// It knows nothing about tensors and files. Read `TrainSettings` first.
@NullMarked
package dev.nudge.settings.train;

import org.jspecify.annotations.NullMarked;
