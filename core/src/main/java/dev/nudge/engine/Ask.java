package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;

/// A sequence that an engine is asked for.
///
/// @param prompt its first tokens, at least one
/// @param positions tokens that it may grow to
/// @param way of its adapter
/// @param client whose turn it takes where sequences wait
/// @param low whether it runs only while nothing else does, and ends where others need its room
/// @param scored whether its caller is told the logits of the prompt's tokens
@SuppressWarnings("ArrayRecordComponent")
public record Ask(
    int[] prompt,
    int positions,
    NamedAdapters.Way way,
    String client,
    boolean low,
    boolean scored) {
  /// A sequence of no client in particular.
  public static Ask of(int[] prompt, int positions, NamedAdapters.Way way) {
    return new Ask(prompt, positions, way, "", false, false);
  }
}
