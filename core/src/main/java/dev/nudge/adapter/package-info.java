/// Holds LoRA adapters: their files, and how they are attached to a model, trained and served.
///
/// An adapter wraps the `Linear` in a slot; detaching puts the same `Linear` back. Files are
/// PEFT's, read strictly: an option that would change the result and is not supported is refused by
/// name.
///
/// The package knows nothing about models, weight formats, data or training.
///
/// Read `Lora` first, then `Targets` and `Adapters`.
@NullMarked
package dev.nudge.adapter;

import org.jspecify.annotations.NullMarked;
