/// Reads the numbers of GGUF's block types: one record for each layout.
///
/// Values are ggml's to the bit: fp32 operations in its order, multiplied and then added or
/// subtracted, each rounded. It knows nothing about files and tensors.
///
/// Read `BlockReader` first.
@NullMarked
package dev.nudge.gguf.block;

import org.jspecify.annotations.NullMarked;
