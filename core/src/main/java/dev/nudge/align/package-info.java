/// Rewards of completions: what `--reward` names, and what programs give by [Reward].
///
/// It knows nothing about models and runs. Read [dev.nudge.align.Reward] first, then
/// [dev.nudge.align.Rewards], which asks several of them within a time.
@NullMarked
package dev.nudge.align;

import org.jspecify.annotations.NullMarked;
