/// Holds evaluation: [dev.nudge.eval.Scoring], the log-probability of each row's completion,
/// and what counted answers are worth: [dev.nudge.eval.Interval] of a share,
/// [dev.nudge.eval.Paired] of two models on the same cases.
///
/// Knows nothing about how a model was trained or how results are drawn. Read `Scoring` first.
@NullMarked
package dev.nudge.eval;

import org.jspecify.annotations.NullMarked;
