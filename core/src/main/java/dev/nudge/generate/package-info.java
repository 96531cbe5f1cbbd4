/// Generates text, embeddings and scores with a loaded model.
///
/// [dev.nudge.generate.Session] loads a model and its adapters, [dev.nudge.generate.Generation]
/// completes prompts on its engine, [dev.nudge.generate.Sampler] chooses tokens from logits.
/// [dev.nudge.generate.Chat] is a conversation, [dev.nudge.generate.Serving] serves many clients.
/// [dev.nudge.generate.Completions], [dev.nudge.generate.Embeddings] and
/// [dev.nudge.generate.Scoring] process data files, [dev.nudge.generate.TableModel] rows that come
/// one by one; [dev.nudge.generate.Decoding] decodes on a training run's engine.
///
/// Knows nothing about training or parsing of rows and templates. Read `Session` first.
@NullMarked
package dev.nudge.generate;

import org.jspecify.annotations.NullMarked;
