/// Stores prompts, answers and feedback of a server in a folder, and makes training rows of them.
///
/// It knows nothing about HTTP, models or experiments: a server passes it answers and feedback.
/// Read [Capture] first, which writes them, then [FeedbackRows], which makes rows.
@NullMarked
package dev.nudge.server.capture;

import org.jspecify.annotations.NullMarked;
