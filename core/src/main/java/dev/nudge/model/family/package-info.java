/// Reads `config.json`, and assembles each family's layers. A family is one file.
///
/// It knows nothing about files of weights, adapters and training. Read `Family` and `Llama`
/// first, then `ModelConfig`.
@NullMarked
package dev.nudge.model.family;

import org.jspecify.annotations.NullMarked;
