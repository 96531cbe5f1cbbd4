package dev.nudge.constrain;

import org.jspecify.annotations.Nullable;

/// A place within one rule: a set of its states, as in the subset construction, interned.
///
/// What is null is not known yet; [GrammarMatcher] finds it out, under its lock.
final class Local {
  final int number;
  final int[] states;

  /// Whether the rule may end here.
  final boolean ends;

  /// Whether a byte leads on within the rule.
  final boolean reads;

  /// By kind of byte; [#NOWHERE] where it does not lead on.
  final @Nullable Local[] next;

  /// Rules that are called here, and where the text stands when they are done.
  int @Nullable [] called;

  Local @Nullable [] back;

  /// Tokens that lead on from here without going beyond the rule's end.
  long @Nullable [] mask;

  /// Nodes of the vocabulary at which the rule may end, with more below them.
  int @Nullable [] left;

  static final Local NOWHERE = new Local(-1, new int[0], false, false, 0);

  Local(int number, int[] states, boolean ends, boolean reads, int kinds) {
    this.number = number;
    this.states = states;
    this.ends = ends;
    this.reads = reads;
    this.next = new Local[kinds];
  }
}
