/// Mixes general rows into training, and measures how far a model leaves its base.
///
/// It knows nothing about the training loop. Read `Replay` first.
@NullMarked
package dev.nudge.train.replay;

import org.jspecify.annotations.NullMarked;
