/// Defines losses over sequences, and the groups that GRPO samples and rewards.
///
/// It knows nothing about the training loop. Read `Objective` first.
@NullMarked
package dev.nudge.train.objective;

import org.jspecify.annotations.NullMarked;
