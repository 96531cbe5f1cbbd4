/// RoPE of a model: its settings in `config.json`, its tables of cosines and sines.
///
/// It knows nothing about families and weights. Read `Turning` first.
@NullMarked
package dev.nudge.model.rope;

import org.jspecify.annotations.NullMarked;
