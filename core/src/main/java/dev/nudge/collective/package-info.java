/// Processes that train one model together: sums over them in their order, and what the first tells
/// the others.
///
/// It knows nothing of models, of gradients, or of what starts the processes.
///
/// Read [dev.nudge.collective.Collective] first.
@NullMarked
package dev.nudge.collective;

import org.jspecify.annotations.NullMarked;
