/// Holds what is put beside a frozen weight and trained: LoRA, its files, and how it gets on a
/// model.
///
/// An adapter wraps the `Linear` in a slot; taking it off puts back the very same one. Files are
/// PEFT's, read strictly: what would change the result and is not understood is refused by name.
///
/// It knows nothing about models, how a base weight is stored, data or training.
///
/// Read `Lora` first, then `Targets` and `Adapters`.
@NullMarked
package dev.nudge.adapter;

import org.jspecify.annotations.NullMarked;
