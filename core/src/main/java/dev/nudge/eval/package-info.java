/// Holds evaluation: [dev.nudge.eval.Scoring], the log-probability of each row's completion,
/// and what counted answers are worth: [dev.nudge.eval.Interval] of a share,
/// [dev.nudge.eval.Paired] of two models on the same cases, [dev.nudge.eval.Bootstrap] of any score
/// of items or of a corpus, [dev.nudge.eval.Clusters] where items hang together,
/// [dev.nudge.eval.NonInferiority] of what may not get worse, [dev.nudge.eval.Detectable], the
/// effect that could have been seen; and what may be looked at while the
/// answers still come in: [dev.nudge.eval.NormalMixture] of means, [dev.nudge.eval.BetaMixture] of
/// rates, [dev.nudge.eval.Wins], [dev.nudge.eval.QuantileSketch], for several at once by
/// [dev.nudge.eval.Holm].
///
/// Knows nothing about how a model was trained or how results are drawn. Read `Scoring` first.
@NullMarked
package dev.nudge.eval;

import org.jspecify.annotations.NullMarked;
