/// Makes a servable model from a base and an adapter, and shows that it is as good as both.
///
/// [Release] merges, writes the model in the requested form ([ReleaseForm]) and compares it with
/// base + adapter on held-out rows ([RowLosses]), optionally by a policy ([ReleaseGate]). It knows
/// nothing about tasks. Read [Release] first.
@NullMarked
package dev.nudge.eval.release;

import org.jspecify.annotations.NullMarked;
