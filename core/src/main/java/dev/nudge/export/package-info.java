/// Exports a model, a model with an adapter merged into it, or an adapter alone as a GGUF file,
/// which llama.cpp and Ollama read.
///
/// What the file cannot say is refused: its header is read back by the reader of GGUF models and
/// compared with the model before the first tensor is written. Tensors are made and quantised some
/// rows at a time. It knows nothing about training and about the format of the source's weights.
///
/// Read `GgufExport` first.
@NullMarked
package dev.nudge.export;

import org.jspecify.annotations.NullMarked;
