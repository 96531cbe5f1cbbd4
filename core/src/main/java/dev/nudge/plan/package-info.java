/// Plans a run before it starts: counts its memory by the byte and fits it into the machine.
///
/// [Footprint] counts the bytes of every part, if possible by a dry run of the code that allocates
/// them. [Planner] chooses lanes, micro-batches and gradient checkpointing: the immutable [Plan].
///
/// It knows nothing about data, the training loop, or how output other than its own lines is
/// printed.
///
/// Read `Plan` first, then `Planner`.
@NullMarked
package dev.nudge.plan;

import org.jspecify.annotations.NullMarked;
