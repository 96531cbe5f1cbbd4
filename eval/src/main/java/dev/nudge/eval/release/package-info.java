/// Makes what is served of a base and an adapter, and shows that it is as good.
///
/// [Release] merges, writes the model in the form that is asked for ([ReleaseForm]) and compares it
/// with base + adapter on held-out rows ([RowLosses]), by a policy too ([ReleaseGate]). It knows
/// nothing about tasks. Read [Release] first.
@NullMarked
package dev.nudge.eval.release;

import org.jspecify.annotations.NullMarked;
