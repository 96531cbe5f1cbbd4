/// Statistics of model evaluation. For one look at the end: [dev.nudge.eval.Interval] of a
/// proportion, [dev.nudge.eval.Paired] tests of two models on the same items, the
/// [dev.nudge.eval.Bootstrap] of any score, clustered standard errors ([dev.nudge.eval.Clusters]),
/// and power ([dev.nudge.eval.Detectable]). For monitoring while data arrive: confidence sequences
/// ([dev.nudge.eval.NormalMixture], [dev.nudge.eval.BetaMixture], [dev.nudge.eval.Wins],
/// [dev.nudge.eval.QuantileSketch]). [dev.nudge.eval.Holm] corrects for multiple tests.
/// [dev.nudge.eval.BaseLook] scores a base model on a dataset before training.
///
/// Knows nothing about training runs or how results are drawn. Read `Interval` first.
@NullMarked
package dev.nudge.eval;

import org.jspecify.annotations.NullMarked;
