/// Turns a command line into calls of the library: flags, exit codes, what is printed and where.
///
/// It knows nothing about tensors, kernels or file layouts; those live in the library. Read
/// [Main] first.
@NullMarked
package dev.nudge.cli;

import org.jspecify.annotations.NullMarked;
