/// Implements `train`, `sweep`, `plan`, `data`, `runs`, `init`, `spark` and `quickstart`.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `TrainVerb` first.
@NullMarked
package dev.nudge.cli.train;

import org.jspecify.annotations.NullMarked;
