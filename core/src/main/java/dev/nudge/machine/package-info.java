/// Detects the machine's processors, free memory and JVM flags, and chooses the compute backend:
/// the compute type with its kernels and matrix products.
///
/// [dev.nudge.machine.Machine] is what a run may use, [dev.nudge.machine.Backend] the backend,
/// chosen once a run by measuring. Knows nothing about layers, models, files of models or runs.
/// Read `Machine` first, then `Backend`.
@NullMarked
package dev.nudge.machine;

import org.jspecify.annotations.NullMarked;
