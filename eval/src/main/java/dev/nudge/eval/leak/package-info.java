/// Train/test contamination: finds evaluation items that occur in a training set, whose scores
/// show memorisation instead of learning.
///
/// [dev.nudge.eval.leak.LeakScan] indexes the evaluation items, then streams the training set
/// once, so memory depends on the evaluation alone. It distinguishes four kinds of overlap
/// ([dev.nudge.eval.leak.LeakKind]) and names a training row as evidence of each.
///
/// Knows nothing about models, dataset formats or tasks: it sees plain texts. Read `LeakScan`
/// first.
@NullMarked
package dev.nudge.eval.leak;

import org.jspecify.annotations.NullMarked;
