/// Holds conversations with tools: [dev.nudge.chat.Assistant] answers them in this process, an
/// adapter for each [dev.nudge.chat.Question]; [dev.nudge.chat.ChatTemplates] makes prompts of what
/// OpenAI's clients send, and [dev.nudge.chat.AnswerText] makes text, thoughts and calls of what a
/// model writes.
///
/// Knows nothing about HTTP, keys or frameworks; these stand on it. Read `Assistant` first.
@NullMarked
package dev.nudge.chat;

import org.jspecify.annotations.NullMarked;
