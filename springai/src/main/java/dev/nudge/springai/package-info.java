/// Holds Spring AI's chat model on an assistant of this process:
/// [dev.nudge.springai.NudgeChatModel], and the options that it knows beside the portable ones.
///
/// Knows nothing about models, adapters and sampling; these are the assistant's. Read
/// `NudgeChatModel` first.
@NullMarked
package dev.nudge.springai;

import org.jspecify.annotations.NullMarked;
