/// Turns text into token ids and back, exactly as Hugging Face's `tokenizers` library does.
///
/// The library itself does the work, as native code that DJL builds. This package adds its loading
/// ([NativeTokenizer]), a model folder's end tokens, and streaming decoding that never emits half a
/// character ([StreamDecoder]).
///
/// It knows nothing about data rows, label masks, models or tensors. Read [Tokenizer] first.
@NullMarked
package dev.nudge.text;

import org.jspecify.annotations.NullMarked;
