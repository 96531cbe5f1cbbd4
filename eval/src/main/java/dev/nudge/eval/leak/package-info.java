/// Finds items of an evaluation that stand in a training set: a score on them says what was
/// remembered, not what was learned.
///
/// [dev.nudge.eval.leak.LeakScan] is told the evaluation, then goes once through the training set
/// and keeps none of it, so its memory is bounded by the evaluation alone. Four kinds are told
/// apart ([dev.nudge.eval.leak.LeakKind]), each with a row of training as a witness.
///
/// Knows nothing about models, rows of data sets or what a task makes of an item: it sees texts.
/// Read `LeakScan` first.
@NullMarked
package dev.nudge.eval.leak;

import org.jspecify.annotations.NullMarked;
