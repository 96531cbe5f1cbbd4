/// Writes and reads checkpoints.
///
/// It knows nothing about the training loop. Read `RunCheckpoints` first.
@NullMarked
package dev.nudge.train.checkpoint;

import org.jspecify.annotations.NullMarked;
