/// Holds the decoder families: reads `config.json` and checkpoints, and builds models from tensors.
///
/// Knows nothing about adapters, training or text; an adapter wraps a model's slots from outside.
/// Read `ModelConfig` first.
@NullMarked
package dev.nudge.model;

import org.jspecify.annotations.NullMarked;
