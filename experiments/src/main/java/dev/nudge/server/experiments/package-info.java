/// Online experiments between adapters: A/B test, canary and shadow, with assignment, metrics,
/// guardrails and always-valid stopping rules.
///
/// A server calls [dev.nudge.server.experiments.Experiments]: `route` before a request, `ended`
/// after it, and [dev.nudge.server.experiments.Feedback] for users' feedback. An experiment is a
/// [dev.nudge.server.experiments.Definition] with an append-only event log; all other state is
/// derived from that log.
///
/// Knows nothing about HTTP, sessions or weights: adapters are names and digests here. The
/// statistics are in [dev.nudge.eval]. Read `Experiments` first, then `ExperimentTotals` and
/// `Analysis`.
@NullMarked
package dev.nudge.server.experiments;

import org.jspecify.annotations.NullMarked;
