/// Gates a model release: judges the results of an evaluation by the rules of a policy file.
///
/// [PolicyFile] reads a [Policy], a list of [Rule]s. [Gate] judges each rule PASS, FAIL or
/// INCONCLUSIVE with one sentence; [Measured] gives confidence intervals and p-values, and
/// [dev.nudge.eval.Holm] corrects for multiple rules. A [GateResult] holds the verdict with the
/// [Digests] of all inputs; [GateFiles] writes it as `gate.json` and `gate.xml`. When a protected
/// alias moves, `GateCheck` of the registry reads `gate.json` and decides whether the verdict is
/// stale; it does not depend on this package.
///
/// Knows nothing about inference, judges' prompts, how a report is drawn, or where adapters are
/// stored.
///
/// Read [Gate] first.
@NullMarked
package dev.nudge.eval.gate;

import org.jspecify.annotations.NullMarked;
