/// Shared parts of benchmarks: child processes, the peers' environments, clocks, flags, pages.
///
/// It knows nothing about single benchmarks. Read `Child` and `Sides` first.
@NullMarked
package dev.nudge.bench.measure;

import org.jspecify.annotations.NullMarked;
