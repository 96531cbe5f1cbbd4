/// Makes a model folder of a base and adapters that stands for itself, and holds it against what it
/// was made of.
///
/// Knows nothing about training, and holds one decoder layer at a time, so that a model of any size
/// can be merged. Read `Merging` first.
@NullMarked
package dev.nudge.merge;

import org.jspecify.annotations.NullMarked;
