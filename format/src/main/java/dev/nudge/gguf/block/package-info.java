/// Reads the numbers of GGUF's block types: one record for each layout.
///
/// Values equal ggml's bit for bit: the same fp32 operations in the same order, each rounded. It
/// knows nothing about files and tensors.
///
/// Read `BlockReader` first.
@NullMarked
package dev.nudge.gguf.block;

import org.jspecify.annotations.NullMarked;
