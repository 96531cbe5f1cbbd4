/// Renders conversations by the chat template of a model, and says which characters are trained.
///
/// [ChatTemplate] is loaded from a model folder, a file or a name; [Rendered] is a text and which
/// message wrote what of it; [Trained] is the part that a model has to say itself, up to the token
/// that ends its turn.
///
/// It knows nothing about token ids, rows of data or models.
///
/// Read [ChatTemplate] first, then [Trained].
@NullMarked
package dev.nudge.text.chat;

import org.jspecify.annotations.NullMarked;
