/// Implements `doctor`, `install` and `completion`.
///
/// It knows nothing about how the library does the work: a verb gets a function for it. Read
/// `DoctorVerb` first.
@NullMarked
package dev.nudge.cli.machine;

import org.jspecify.annotations.NullMarked;
