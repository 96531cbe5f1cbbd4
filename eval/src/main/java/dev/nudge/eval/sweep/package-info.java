/// Tries many settings on one base: reads a sweep's file, decides which settings continue, and
/// compares them on the same held-out rows.
///
/// It knows nothing about models and passes: a group of runs is [dev.nudge.train.RunGroup]. Read
/// [dev.nudge.eval.sweep.Sweep] first.
@NullMarked
package dev.nudge.eval.sweep;

import org.jspecify.annotations.NullMarked;
