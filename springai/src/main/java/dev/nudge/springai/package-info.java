/// Spring AI chat model that runs in this process ([dev.nudge.springai.NudgeChatModel]), with the
/// portable options and its own.
///
/// Knows nothing about models, adapters and sampling; the assistant handles them. Read
/// `NudgeChatModel` first.
@NullMarked
package dev.nudge.springai;

import org.jspecify.annotations.NullMarked;
