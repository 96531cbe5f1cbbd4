/// Holds generation: [dev.nudge.generate.Session] loads what answers,
/// [dev.nudge.generate.Generation] completes prompts by its engine,
/// [dev.nudge.generate.Sampler] chooses tokens; [dev.nudge.generate.Greedy] completes prompts on an
/// engine that another package holds.
///
/// Knows nothing about training, rows or files of prompts. Read `Generation` first.
@NullMarked
package dev.nudge.generate;

import org.jspecify.annotations.NullMarked;
