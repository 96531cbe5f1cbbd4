/// Merges adapters into a base: makes a model folder that stands for itself, and compares it with
/// base and adapters.
///
/// Knows nothing about training, and holds one decoder layer at a time, so that a model of any size
/// can be merged. Read `Merging` first.
@NullMarked
package dev.nudge.merge;

import org.jspecify.annotations.NullMarked;
