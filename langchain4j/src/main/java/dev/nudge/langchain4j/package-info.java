/// Holds LangChain4j's chat models on an assistant of this process:
/// [dev.nudge.langchain4j.NudgeChatModel] and [dev.nudge.langchain4j.NudgeStreamingChatModel].
///
/// Knows nothing about models, adapters and sampling; these are the assistant's. Read
/// `NudgeChatModel` first.
@NullMarked
package dev.nudge.langchain4j;

import org.jspecify.annotations.NullMarked;
