/// Holds the decoder families: what a checkpoint is shaped like and how its tensors become a model.
///
/// Knows nothing about adapters, training or text; an adapter wraps a model's slots from outside.
/// Read `ModelConfig` first.
@NullMarked
package dev.nudge.model;

import org.jspecify.annotations.NullMarked;
