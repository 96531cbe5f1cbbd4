package dev.nudge.plan;

/// Says how fast this machine computes the passes of one model, as [SpeedProbe] measured it.
///
/// @param products GFLOP/s of square products on all threads, the ceiling
/// @param layers GFLOP/s of the layers' passes on all lanes together
/// @param head GFLOP/s of the output head likewise
/// @param updateNanos nanoseconds of one number that trains in an update, on all lanes together
public record Rates(double products, double layers, double head, double updateNanos) {}
