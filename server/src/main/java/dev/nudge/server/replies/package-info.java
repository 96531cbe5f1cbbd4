/// Writes answers as chat completions, completions and responses, whole or as a stream.
///
/// It knows nothing about where an answer comes from. Read `Reply` first.
@NullMarked
package dev.nudge.server.replies;

import org.jspecify.annotations.NullMarked;
