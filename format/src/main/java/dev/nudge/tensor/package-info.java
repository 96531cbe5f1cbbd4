/// Holds native memory and matrix products: [dev.nudge.tensor.Tensor] views of FFM segments, the
/// [dev.nudge.tensor.Scope] or [dev.nudge.tensor.Workspace] that owns the bytes, the
/// [dev.nudge.tensor.Ledger] that counts them, [dev.nudge.tensor.Lanes] of threads, and the
/// [dev.nudge.tensor.Gemm] that multiplies.
///
/// Knows nothing about models, gradients, files or adapters, and nothing about the native library
/// behind `Gemm`: providers are found by [java.util.ServiceLoader]. Read `Tensor` first.
@NullMarked
package dev.nudge.tensor;

import org.jspecify.annotations.NullMarked;
