/// Prompts, answers and feedback of a server, kept in a folder, and rows for training made of them.
///
/// It knows nothing of HTTP, models or experiments: a server hands it what was asked and said.
/// Read [Capture] first for what is written, [FeedbackRows] for what is made of it.
@NullMarked
package dev.nudge.server.capture;

import org.jspecify.annotations.NullMarked;
