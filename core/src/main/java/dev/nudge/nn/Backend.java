package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import java.util.function.IntFunction;

/// What computes, resolved once a run: compute type, kernels and products.
///
/// @param compute the type of weights and activations: BF16, F32, or F64 in tests
/// @param gemms opens a Gemm with that many threads, on the lane's own thread
/// @param name what is printed, for example `bf16, oneDNN 3.11.0, vector-512`
public record Backend(Dtype compute, Kernels kernels, IntFunction<Gemm> gemms, String name) {}
