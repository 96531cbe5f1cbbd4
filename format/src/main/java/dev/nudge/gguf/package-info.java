/// Reads GGUF files: header, types, names, and the text files of a Hugging Face model folder.
///
/// A GGUF file holds config, tokenizer and chat template as metadata. [GgufFolder] derives from it
/// the text files of the model folder that the file was made from, so that everything that reads a
/// model folder reads a GGUF file too.
///
/// It knows nothing about computing with weights.
///
/// Read `GgufHeader` first, then `GgufNames`, then `GgufFolder`.
@NullMarked
package dev.nudge.gguf;

import org.jspecify.annotations.NullMarked;
