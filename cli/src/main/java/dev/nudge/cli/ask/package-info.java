/// Implements `chat` and `generate`.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `ChatVerb` first.
@NullMarked
package dev.nudge.cli.ask;

import org.jspecify.annotations.NullMarked;
