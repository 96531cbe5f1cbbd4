package dev.nudge.constrain;

import org.jspecify.annotations.Nullable;

/// A state of the parser: all ways to parse the text so far, each a place in the current rule and
/// the call stack ([Tail]) under it.
///
/// A place from which only a call or a rule's end leads on is replaced by where they lead, so each
/// place reads a byte; if there is none, the text can only end.
final class Config implements Constraint.State {
  private final GrammarMatcher machine;
  final int generation;
  final Local[] tops;
  final Tail[] tails;
  private final boolean whole;

  /// By kind of byte; null where it is not known yet.
  Config @Nullable [] next;

  private volatile long @Nullable [] mask;

  Config(GrammarMatcher machine, int generation, Local[] tops, Tail[] tails, boolean whole) {
    this.machine = machine;
    this.generation = generation;
    this.tops = tops;
    this.tails = tails;
    this.whole = whole;
  }

  /// Whether no text goes on from here and none ends here.
  boolean dead() {
    return tops.length == 0 && !whole;
  }

  @Override
  public long[] allowed() {
    long[] known = mask;
    if (known == null) {
      known = machine.allowed(this);
      mask = known;
    }
    return known;
  }

  @Override
  public Constraint.State push(int id) {
    return machine.push(this, id);
  }

  @Override
  public boolean complete() {
    return whole;
  }

  /// A place within one rule: a set of its states, as in the subset construction, interned.
  ///
  /// What is null is not known yet; [GrammarMatcher] finds it out, under its lock.
  static final class Local {
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

  /// The call stack under a running rule: where its callers go on, each with its own tail.
  ///
  /// Several callers share one tail (a graph-structured stack), so the number of ways to parse a
  /// text
  /// does not grow with the depth of nesting.
  static final class Tail {
    static final Tail BOTTOM = new Tail(true, new Local[0], new Tail[0]);

    /// Whether nothing is under it: the rule's end is the end of what is looked at.
    final boolean bottom;

    final Local[] back;
    final Tail[] under;

    Tail(boolean bottom, Local[] back, Tail[] under) {
      this.bottom = bottom;
      this.back = back;
      this.under = under;
    }
  }
}
