/// Makes a model folder from nothing: `config.json`, random weights, a tokenizer from texts.
///
/// It puts together what [dev.nudge.model.FreshModel] and [dev.nudge.text.BpeTrainer] make. It
/// knows nothing about training a model, adapters or kernels.
///
/// Read [FreshFolder] first.
@NullMarked
package dev.nudge.init;

import org.jspecify.annotations.NullMarked;
