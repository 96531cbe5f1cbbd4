/// Holds [dev.nudge.Nudge], the library's front door: one method for each verb of the command.
///
/// Knows nothing about how a verb is done; what it takes and gives lives in the packages below.
/// Read [dev.nudge.Nudge] first.
@NullMarked
package dev.nudge;

import org.jspecify.annotations.NullMarked;
