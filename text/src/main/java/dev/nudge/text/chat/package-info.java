/// Renders conversations by a model's chat template, and computes which characters are trained.
///
/// [ChatTemplate] is loaded from a model folder, a file or a name; [Rendered] is a text that knows
/// which message wrote which part of it; [Trained] marks the characters that the model generates,
/// up to the end-of-turn token.
///
/// It knows nothing about token ids, data rows or models. Read [ChatTemplate] first, then
/// [Trained].
@NullMarked
package dev.nudge.text.chat;

import org.jspecify.annotations.NullMarked;
