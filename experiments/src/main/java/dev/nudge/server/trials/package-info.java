/// Experiments, capture and feedback behind the server's [dev.nudge.server.ServerExtension].
///
/// Read [Trials] first; [ArmHandler] routes requests to arms.
@NullMarked
package dev.nudge.server.trials;

import org.jspecify.annotations.NullMarked;
