/// Says what the machine has and what of it a run uses: processors, memory, the JVM's flags, and
/// the compute type with its kernels and matrix products.
///
/// [dev.nudge.machine.Machine] is what a run may use, [dev.nudge.machine.Backend] what computes,
/// settled once a run by measuring. Knows nothing about layers, models, files of models or runs.
/// Read `Machine` first, then `Backend`.
@NullMarked
package dev.nudge.machine;

import org.jspecify.annotations.NullMarked;
