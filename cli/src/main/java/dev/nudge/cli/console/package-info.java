/// Defines the interface of verbs, flags, output, progress, signals, exit codes and model names.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `Verb` first.
@NullMarked
package dev.nudge.cli.console;

import org.jspecify.annotations.NullMarked;
