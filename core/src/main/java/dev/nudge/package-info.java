/// Holds [dev.nudge.Nudge], the library's Java API: one method for each command of the CLI.
///
/// Knows nothing about how a command works; settings and results are types of other packages.
/// Read [dev.nudge.Nudge] first.
@NullMarked
package dev.nudge;

import org.jspecify.annotations.NullMarked;
