/// Holds evaluation; so far [dev.nudge.eval.Scoring], the log-probability of each row's completion.
///
/// Knows nothing about how a model was trained or how results are drawn. Read `Scoring` first.
@NullMarked
package dev.nudge.eval;

import org.jspecify.annotations.NullMarked;
