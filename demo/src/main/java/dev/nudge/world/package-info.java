/// Synthetic data: support tickets about an invented family of machines, with exact grading.
///
/// It generates the pre-training texts of the shipped base and the fine-tuning rows of the task
/// from a seed and word lists, and grades answers; `docs/reference/world.md` gives the reasons. It
/// knows nothing about models, tokenizers or training.
///
/// Read [SupportTicket] first.
@NullMarked
package dev.nudge.world;

import org.jspecify.annotations.NullMarked;
