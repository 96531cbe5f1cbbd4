/// Holds generation: [dev.nudge.generate.Session] loads what answers,
/// [dev.nudge.generate.Generation] completes prompts by its engine,
/// [dev.nudge.generate.Sampler] chooses tokens; [dev.nudge.generate.Completions] and
/// [dev.nudge.generate.Embeddings] take the prompts of rows, [dev.nudge.generate.Chat] is a
/// conversation, [dev.nudge.generate.Greedy] completes prompts on an engine that another package
/// holds, [dev.nudge.generate.Scoring] has the log-probability of each row's completion.
///
/// Knows nothing about training, or about how rows and templates are read. Read `Generation` first.
@NullMarked
package dev.nudge.generate;

import org.jspecify.annotations.NullMarked;
