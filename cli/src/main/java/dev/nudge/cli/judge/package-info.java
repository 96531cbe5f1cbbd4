/// Implements `score` and `eval`.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `EvalVerb` first.
@NullMarked
package dev.nudge.cli.judge;

import org.jspecify.annotations.NullMarked;
