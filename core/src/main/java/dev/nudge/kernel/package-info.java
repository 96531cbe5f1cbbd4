/// Holds the fused operations of a training step other than matrix products (RMSNorm, RoPE,
/// SwiGLU, softmax, cross-entropy, AdamW, NF4), one file each: interface, formula, and the
/// portable provider, which loads a row into doubles, computes there and rounds once when it
/// stores. [dev.nudge.kernel.Kernels] is the set of all kernels. [dev.nudge.kernel.Attend] and
/// [dev.nudge.kernel.HeadLoss] combine matrix products with them.
///
/// Knows nothing about models, layers, gradients' owners or threads, and nothing about the Vector
/// API: faster providers are found by [java.util.ServiceLoader]. Read `Kernels`, then `RmsNorm`.
///
/// C is the compute type (F64, F32 or BF16) and "acc" its [dev.nudge.tensor.Dtype#accumulator].
/// Tensors are matrices with unit column stride and any row stride.
@NullMarked
package dev.nudge.kernel;

import org.jspecify.annotations.NullMarked;
