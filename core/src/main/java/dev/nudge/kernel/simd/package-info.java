/// Implements the kernels of [dev.nudge.kernel] with the Vector API, for F32 and BF16; the
/// portable kernels compute F64. The only package that imports `jdk.incubator.vector`.
///
/// All arithmetic is in lanes of float. A kernel processes a row in strips of at most
/// [dev.nudge.kernel.simd.Strip#BLOCK] columns, which stay in L1: a strip of F32 is read in place,
/// one of BF16 is widened into scratch, and short loops run over the strips, each its own static
/// method with at most one transcendental and no other method that takes vectors. In a large loop
/// body the compiler silently stops inlining and boxes every vector, measured at 4 to 8 times the
/// time. No call allocates after the first one on its thread.
///
/// Knows nothing about layers or threads. Read `Strip`, then `VectorGlu`.
@NullMarked
package dev.nudge.kernel.simd;

import org.jspecify.annotations.NullMarked;
