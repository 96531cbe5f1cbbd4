/// Implements `serve`, `keys` and `experiments`.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `ServeVerb` first.
@NullMarked
package dev.nudge.cli.serve;

import org.jspecify.annotations.NullMarked;
