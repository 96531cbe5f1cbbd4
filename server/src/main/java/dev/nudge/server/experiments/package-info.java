/// Decides between adapters while they serve: who is answered by which arm, what came of it, and
/// when that is enough to say that one is better.
///
/// [dev.nudge.server.experiments.Experiments] is what a server calls: `route` before a request,
/// `ended` after it, [dev.nudge.server.experiments.Feedback] for what users think of the answer. An
/// experiment is a [dev.nudge.server.experiments.Definition]; it keeps all it was told in a log of
/// its own, and everything else follows from that log.
///
/// Knows nothing about HTTP, sessions or weights: adapters are names and digests here. The formulas
/// are those of [dev.nudge.eval]. Read `Experiments` first, then `ExperimentTotals` and `Analysis`.
@NullMarked
package dev.nudge.server.experiments;

import org.jspecify.annotations.NullMarked;
