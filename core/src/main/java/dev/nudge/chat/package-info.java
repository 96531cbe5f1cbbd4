/// Answers chat conversations, with tool calling, in this process: [dev.nudge.chat.Assistant]
/// answers a [dev.nudge.chat.Question] with the adapter it names; [dev.nudge.chat.ChatTemplates]
/// renders OpenAI-style messages into prompts, and [dev.nudge.chat.AnswerText] parses text,
/// reasoning and tool calls out of the model's output.
///
/// Knows nothing about HTTP, API keys or frameworks. Read `Assistant` first.
@NullMarked
package dev.nudge.chat;

import org.jspecify.annotations.NullMarked;
