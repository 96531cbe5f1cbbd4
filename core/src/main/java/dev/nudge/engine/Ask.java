package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;

/// A sequence that an engine is asked for.
///
/// @param prompt its first tokens, at least one
/// @param positions tokens that it may grow to
/// @param way of its adapter
/// @param client whose turn it takes where sequences wait
/// @param low whether it runs only while nothing else does, and ends where others need its room
/// @param toldFrom place in the prompt of the first token whose logits its caller is told;
///     [#NOTHING]: of none. Keys of the tokens before it may be those of an earlier prompt
/// @param patient whether its prompt may wait, while others answer, until more are read with it
@SuppressWarnings("ArrayRecordComponent")
public record Ask(
    int[] prompt,
    int positions,
    NamedAdapters.Way way,
    String client,
    boolean low,
    int toldFrom,
    boolean patient) {
  /// No token's logits are told.
  public static final int NOTHING = Integer.MAX_VALUE;

  /// A sequence whose caller is told the logits of all tokens of its prompt, or of none.
  public Ask(
      int[] prompt,
      int positions,
      NamedAdapters.Way way,
      String client,
      boolean low,
      boolean scored) {
    this(prompt, positions, way, client, low, scored ? 0 : NOTHING, false);
  }

  /// A sequence that reads branches behind its prompt, and says nothing.
  ///
  /// @param longest tokens of its longest branch
  public static Ask branches(int[] prompt, NamedAdapters.Way way, int longest) {
    return of(prompt, prompt.length + longest, way);
  }

  /// A sequence that is asked for its likelihood from a place on, and says nothing.
  public static Ask likelihood(int[] prompt, NamedAdapters.Way way, int toldFrom) {
    return new Ask(prompt, prompt.length, way, "", false, toldFrom, false);
  }

  /// Tokens of its prompt whose keys are enough: their logits are not wanted.
  int unheard() {
    return Math.min(toldFrom, prompt.length - 1);
  }

  /// A sequence of no client in particular.
  public static Ask of(int[] prompt, int positions, NamedAdapters.Way way) {
    return new Ask(prompt, positions, way, "", false, NOTHING, false);
  }

  /// The same of a caller that waits for many answers, and for none of them in particular.
  public Ask patiently() {
    return new Ask(prompt, positions, way, client, low, toldFrom, true);
  }
}
