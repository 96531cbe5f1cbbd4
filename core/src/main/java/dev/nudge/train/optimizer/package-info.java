/// Has AdamW, its moments and parameter groups, and the learning-rate schedule.
///
/// It knows nothing about models and rows. Read `AdamWOptimizer` first.
@NullMarked
package dev.nudge.train.optimizer;

import org.jspecify.annotations.NullMarked;
