/// Many settings of one base tried in one go: what a sweep's file says, which settings go on, and
/// how they compare on the same held-out rows.
///
/// It knows nothing of models and passes: a group of runs is [dev.nudge.train.RunGroup]. Read
/// [dev.nudge.eval.sweep.Sweep] first.
@NullMarked
package dev.nudge.eval.sweep;

import org.jspecify.annotations.NullMarked;
