package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;

/// A request for one sequence: its prompt, its maximum length, its adapter and its priority.
///
/// @param prompt the first tokens of the sequence, at least one
/// @param positions maximum length of the sequence in tokens, prompt included
/// @param way the adapter, as [NamedAdapters#way] returns it
/// @param client the client in whose name the sequence queues
/// @param low low priority: runs only while nothing else does, and is ended if others need its
///     memory
/// @param toldFrom index of the first prompt token whose logits go to [Caller#read]; [#NOTHING]: no
///     token. The tokens before it may come from the prefix cache
/// @param patient whether prefill may wait for more prompts while other sequences decode
public record Ask(
    int[] prompt,
    int positions,
    NamedAdapters.Way way,
    String client,
    boolean low,
    int toldFrom,
    boolean patient) {
  /// A `toldFrom` for a sequence whose caller gets no logits of the prompt.
  public static final int NOTHING = Integer.MAX_VALUE;

  /// Makes a request whose caller gets the logits of all tokens of the prompt, or of none.
  public Ask(
      int[] prompt,
      int positions,
      NamedAdapters.Way way,
      String client,
      boolean low,
      boolean scored) {
    this(prompt, positions, way, client, low, scored ? 0 : NOTHING, false);
  }

  /// Makes a request that only prefills branches behind its prompt and generates nothing.
  ///
  /// @param longest tokens of the longest branch
  public static Ask branches(int[] prompt, NamedAdapters.Way way, int longest) {
    return of(prompt, prompt.length + longest, way);
  }

  /// Makes a request for the logits of a prompt from an index on; it generates nothing.
  public static Ask likelihood(int[] prompt, NamedAdapters.Way way, int toldFrom) {
    return new Ask(prompt, prompt.length, way, "", false, toldFrom, false);
  }

  /// Tokens of its prompt whose keys are enough: their logits are not wanted.
  int unheard() {
    return Math.min(toldFrom, prompt.length - 1);
  }

  /// Makes a request of no client in particular.
  public static Ask of(int[] prompt, int positions, NamedAdapters.Way way) {
    return new Ask(prompt, positions, way, "", false, NOTHING, false);
  }

  /// Copies the request as a `patient` one, for a batch of which no single answer is urgent.
  public Ask patiently() {
    return new Ask(prompt, positions, way, client, low, toldFrom, true);
  }
}
