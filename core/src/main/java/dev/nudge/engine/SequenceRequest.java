package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;

/// A request for one sequence: its prompt, its maximum length, its adapter and its priority.
///
/// @param prompt the first tokens of the sequence, at least one
/// @param positions maximum length of the sequence in tokens, prompt included
/// @param attachment the adapter, as [NamedAdapters#attachment] returns it
/// @param client the client in whose name the sequence queues
/// @param low low priority: runs only while nothing else does, and is ended if others need its
///     memory
/// @param toldFrom index of the first prompt token whose logits go to [Caller#read]; [#NOTHING]: no
///     token. The tokens before it may come from the prefix cache
/// @param patient whether prefill may wait for more prompts while other sequences decode
public record SequenceRequest(
    int[] prompt,
    int positions,
    NamedAdapters.Attachment attachment,
    String client,
    boolean low,
    int toldFrom,
    boolean patient) {
  /// A `toldFrom` for a sequence whose caller gets no logits of the prompt.
  public static final int NOTHING = Integer.MAX_VALUE;

  /// Makes a request whose caller gets the logits of all tokens of the prompt, or of none.
  public SequenceRequest(
      int[] prompt,
      int positions,
      NamedAdapters.Attachment attachment,
      String client,
      boolean low,
      boolean scored) {
    this(prompt, positions, attachment, client, low, scored ? 0 : NOTHING, false);
  }

  /// Makes a request that only prefills branches behind its prompt and generates nothing.
  ///
  /// @param longest tokens of the longest branch
  public static SequenceRequest branches(
      int[] prompt, NamedAdapters.Attachment attachment, int longest) {
    return of(prompt, prompt.length + longest, attachment);
  }

  /// Makes a request for the logits of a prompt from an index on; it generates nothing.
  public static SequenceRequest likelihood(
      int[] prompt, NamedAdapters.Attachment attachment, int toldFrom) {
    return new SequenceRequest(prompt, prompt.length, attachment, "", false, toldFrom, false);
  }

  /// Tokens of its prompt whose keys are enough: their logits are not wanted.
  int unheard() {
    return Math.min(toldFrom, prompt.length - 1);
  }

  /// Makes a request of no client in particular.
  public static SequenceRequest of(
      int[] prompt, int positions, NamedAdapters.Attachment attachment) {
    return new SequenceRequest(prompt, positions, attachment, "", false, NOTHING, false);
  }

  /// Copies the request as a `patient` one, for a batch of which no single answer is urgent.
  public SequenceRequest patiently() {
    return new SequenceRequest(prompt, positions, attachment, client, low, toldFrom, true);
  }
}
