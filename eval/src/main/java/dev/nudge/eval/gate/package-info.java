/// Says whether a model may go out: a policy's rules, judged by what an evaluation came to.
///
/// [PolicyFile] reads a [Policy], a list of [Rule]s. [Gate] judges each of them PASS, FAIL or
/// INCONCLUSIVE with one sentence; what a number is worth is told by [Measured], and which of
/// several rules may call themselves shown by [dev.nudge.eval.Holm]. A [GateResult] has the verdict
/// with the [Digests] of all that it depends on, and [GateFiles] writes it as `gate.json` and
/// `gate.xml`. What makes it stale is told by `GateCheck` of the registry, which reads `gate.json`
/// where a protected alias moves and knows nothing of this package.
///
/// It knows nothing about how a model or a judge is asked, how a report is drawn, or where adapters
/// are kept.
///
/// Read [Gate] first.
@NullMarked
package dev.nudge.eval.gate;

import org.jspecify.annotations.NullMarked;
