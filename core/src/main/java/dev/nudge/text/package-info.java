/// Turns text into token ids and back, exactly as Hugging Face's `tokenizers` library does.
///
/// The library itself does the work, through the natives that DJL builds of it. Around it: where
/// its native file comes from ([NativeTokenizers]), what a model folder says about end tokens, and
/// decoding one token at a time without ever showing half a character ([StreamDecoder]).
///
/// It knows nothing about rows of data, masks, models or tensors.
///
/// Read [Tokenizer] first.
@NullMarked
package dev.nudge.text;

import org.jspecify.annotations.NullMarked;
