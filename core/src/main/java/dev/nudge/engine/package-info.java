/// Holds the engine: one loaded model and many callers.
///
/// [Engine] owns a thread, a workspace and a pool of keys, and takes steps that decode tokens of
/// many sequences and read pieces of their prompts ([Steps]); [Admission] says who has room for
/// that. Rows are scored between its steps ([Scorer], which a training run uses on lanes of its
/// own). [Limits] bounds the keys, a [Ticket] is what a caller waits for, a [Caller] chooses the
/// tokens.
///
/// Knows nothing about texts, sampling or files. Read [Engine] first, then [Steps].
@NullMarked
package dev.nudge.engine;

import org.jspecify.annotations.NullMarked;
