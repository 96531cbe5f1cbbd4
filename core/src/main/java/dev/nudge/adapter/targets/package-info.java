/// Says which layers an adapter changes, at which rank and alpha.
///
/// It knows nothing about tensors and files. Read `Lora` first.
@NullMarked
package dev.nudge.adapter.targets;

import org.jspecify.annotations.NullMarked;
