/// Kernels as x86-64 machine code that Java makes at run time: products of few rows and
/// attention of one query, for decoding, and products of an adapter's rank, for training.
///
/// A kernel here computes the bits of the Vector API's kernel beneath it, or of the library's
/// product, with instructions that the Vector API does not give: prefetches, several weight rows at
/// once, operands in memory, dot products of bf16. This package knows nothing about models or
/// sessions.
///
/// Read [CodeKernels] first (when machine code is used at all), then [CodeSkinnyProduct] (which
/// checks
/// every address and size before a call), [DotBf16] (a kernel with its listing explained) and
/// [Assembler]. [CodeAttendSweeps] is the like for attention, [CodeRankProducts] stands by itself.
@NullMarked
package dev.nudge.kernel.code;

import org.jspecify.annotations.NullMarked;
