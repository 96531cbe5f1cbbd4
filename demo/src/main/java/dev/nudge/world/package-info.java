/// Synthetic data: support tickets about an invented family of machines, with exact grading.
///
/// It makes the pre-training texts of the shipped base, the fine-tuning rows of the task, and the
/// grades of answers, all from a seed and the word lists here; `docs/reference/world.md` gives the
/// reasons. It knows nothing about models, tokenizers or training.
///
/// Read [SupportTicket] first.
@NullMarked
package dev.nudge.world;

import org.jspecify.annotations.NullMarked;
