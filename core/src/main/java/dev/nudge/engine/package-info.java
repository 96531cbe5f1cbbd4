/// Holds the inference engine: one loaded model that serves many callers by continuous batching.
///
/// [Engine] owns a thread, a workspace and a paged KV cache. Its steps ([Steps]) decode tokens of
/// many sequences and prefill pieces of their prompts; [Admission] decides which sequences fit into
/// memory. Between steps it scores rows ([Scorer], which a training run also uses, on its own
/// lanes). [Limits] bounds the memory, a caller waits on a [Ticket], and a [Caller] chooses tokens
/// from logits.
///
/// It knows nothing about text, sampling or files. Read [Engine] first, then [Steps].
@NullMarked
package dev.nudge.engine;

import org.jspecify.annotations.NullMarked;
