/// Merges adapters into a base model. The result is a standalone model folder, whose outputs are
/// compared with base + adapters.
///
/// Knows nothing about training. One decoder layer is in memory at a time, so a model of any size
/// can be merged. Read `Merging` first.
@NullMarked
package dev.nudge.merge;

import org.jspecify.annotations.NullMarked;
