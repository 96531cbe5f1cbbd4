/// Implements experiments, capture and feedback as a [dev.nudge.server.ServerExtension].
///
/// Read [Trials] first; [ArmHandler] routes requests to arms, [CapturingReply] captures answers.
@NullMarked
package dev.nudge.server.trials;

import org.jspecify.annotations.NullMarked;
