/// The `nudge` command: parses flags, calls the library, prints results, sets exit codes.
///
/// It knows nothing about tensors, kernels or file formats; the library has them. Read [Main]
/// first.
@NullMarked
package dev.nudge.cli;

import org.jspecify.annotations.NullMarked;
