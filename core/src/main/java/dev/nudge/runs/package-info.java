/// Manages the runs on disk: finds, lists, compares, exports and deletes run folders.
///
/// A run is its folder.
///
/// It knows nothing about models, tensors or training.
///
/// Read `RunStore` first, then `RunSummary`.
@NullMarked
package dev.nudge.runs;

import org.jspecify.annotations.NullMarked;
