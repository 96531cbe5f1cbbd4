/// Creates a model folder from scratch: `config.json`, random weights and a BPE tokenizer trained
/// on texts.
///
/// It combines [dev.nudge.model.FreshModel] and [dev.nudge.text.BpeTrainer]. It knows nothing about
/// training a model, adapters or kernels. Read [FreshFolder] first.
@NullMarked
package dev.nudge.init;

import org.jspecify.annotations.NullMarked;
