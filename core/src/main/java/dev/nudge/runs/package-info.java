/// Finds runs again: reads their folders, lists, compares, exports and removes them.
///
/// A run is its folder; what is kept beside the folders ([RunIndex]) can be made anew from them and
/// only saves time.
///
/// It knows nothing about models and tensors, and does not train.
///
/// Read `RunStore` first, then `RunSummary`.
@NullMarked
package dev.nudge.runs;

import org.jspecify.annotations.NullMarked;
