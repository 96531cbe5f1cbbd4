/// Manages the runs on disk: finds, lists, compares, exports and deletes run folders.
///
/// A run is its folder. [RunIndex] is a cache that can be rebuilt from the folders.
///
/// It knows nothing about models, tensors or training.
///
/// Read `RunStore` first, then `RunSummary`.
@NullMarked
package dev.nudge.runs;

import org.jspecify.annotations.NullMarked;
