/// Says what a run needs, byte by byte, before it starts, and lays it out in the memory there is.
///
/// [Footprint] counts the bytes of every part, where possible by running the very code dry that
/// will take them. [Planner] chooses lanes and micro-batches from them; what it settles is the
/// frozen [Plan].
///
/// It knows nothing about data, the training loop, or how anything is printed beside its own lines.
///
/// Read `Plan` first, then `Planner`.
@NullMarked
package dev.nudge.plan;

import org.jspecify.annotations.NullMarked;
