/// Holds the statistics of evaluation: [dev.nudge.eval.Interval] of a share,
/// [dev.nudge.eval.Paired] of two models on the same cases, [dev.nudge.eval.Bootstrap] of any score
/// of items or of a corpus, [dev.nudge.eval.Clusters] where items hang together,
/// [dev.nudge.eval.NonInferiority] of what may not get worse, [dev.nudge.eval.Detectable], the
/// effect that could have been seen; and what may be looked at while the
/// answers still come in: [dev.nudge.eval.NormalMixture] of means, [dev.nudge.eval.BetaMixture] of
/// rates, [dev.nudge.eval.Wins], [dev.nudge.eval.QuantileSketch], for several at once by
/// [dev.nudge.eval.Holm]. [dev.nudge.eval.BaseLook] asks a base about rows before it is trained.
///
/// Knows nothing about how a model was trained or how results are drawn. Read `Interval` first.
@NullMarked
package dev.nudge.eval;

import org.jspecify.annotations.NullMarked;
