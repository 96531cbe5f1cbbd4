package dev.nudge.plan;

/// The speed of this machine on the passes of one model, measured by [SpeedProbe].
///
/// @param products GFLOP/s of square products on all threads: the ceiling
/// @param layers GFLOP/s of the layers' passes on all lanes together
/// @param head GFLOP/s of the output head on all lanes together
/// @param updateNanos nanoseconds of the optimiser per trainable number, on all lanes together
public record Rates(double products, double layers, double head, double updateNanos) {}
