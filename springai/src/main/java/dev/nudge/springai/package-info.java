/// Spring AI chat model that runs in this process ([dev.nudge.springai.NudgeChatModel]), with
/// options beside the portable ones.
///
/// Knows nothing about models, adapters and sampling; the assistant has them. Read
/// `NudgeChatModel` first.
@NullMarked
package dev.nudge.springai;

import org.jspecify.annotations.NullMarked;
