/// Has what every verb is and uses.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// ` flags, output, progress, signals, exit codes, model names:Verb` first.
@NullMarked
package dev.nudge.cli.console;

import org.jspecify.annotations.NullMarked;
