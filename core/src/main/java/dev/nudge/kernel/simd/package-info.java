/// Computes the operations of [dev.nudge.kernel] with the Vector API, for F32 and BF16; F64 is left
/// to the kernels that these stand over. The only package that imports `jdk.incubator.vector`.
///
/// Everything is computed in lanes of float. A kernel walks a row in strips of at most
/// [dev.nudge.kernel.simd.Strip#BLOCK] columns, which stay in the first-level cache: a strip of F32
/// is read where it lies, one of BF16 is widened into scratch, and short loops run over the strips,
/// each its own static method with at most one transcendental and no other method that takes
/// vectors. That is not taste: in a large loop body the compiler silently stops inlining and boxes
/// every vector, measured at 4 to 8 times the time. No call allocates once its thread has made one.
///
/// Knows nothing about layers or threads. Read `Strip`, then `VectorGlu`.
@NullMarked
package dev.nudge.kernel.simd;

import org.jspecify.annotations.NullMarked;
