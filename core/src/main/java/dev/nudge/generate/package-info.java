/// Holds generation: [dev.nudge.generate.Session] loads what answers, [dev.nudge.generate.Decoder]
/// makes one step for a batch of sequences, [dev.nudge.generate.Sampler] chooses tokens, and
/// [dev.nudge.generate.Generation] completes prompts; [dev.nudge.generate.Greedy] does so on a
/// model
/// that another package holds.
///
/// Knows nothing about training, rows or files of prompts. Read `Generation` first.
@NullMarked
package dev.nudge.generate;

import org.jspecify.annotations.NullMarked;
