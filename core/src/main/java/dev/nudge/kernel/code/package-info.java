/// Generates x86-64 machine code at run time: products of few rows and attention of one query, for
/// decoding, and low-rank adapter products, for training.
///
/// A kernel is bit-identical to the Vector API's kernel that it replaces, or to oneDNN's product,
/// but uses instructions that the Vector API lacks: prefetches, several weight rows at once,
/// operands in memory, dot products of bf16. This package knows nothing about models or sessions.
///
/// Read [CodeKernels] first (when machine code is used at all), then [CodeSkinnyProduct] (which
/// checks every address and size before a call), [DotBf16] (a kernel with its listing explained)
/// and [Assembler]. [CodeAttendSweeps] does the same for attention; [CodeRankProducts] is
/// independent.
@NullMarked
package dev.nudge.kernel.code;

import org.jspecify.annotations.NullMarked;
