/// LangChain4j chat models that run in this process: [dev.nudge.langchain4j.NudgeChatModel] and,
/// for streaming, [dev.nudge.langchain4j.NudgeStreamingChatModel].
///
/// Knows nothing about models, adapters and sampling; the assistant handles them. Read
/// `NudgeChatModel` first.
@NullMarked
package dev.nudge.langchain4j;

import org.jspecify.annotations.NullMarked;
