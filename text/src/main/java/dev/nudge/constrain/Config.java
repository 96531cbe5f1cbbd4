package dev.nudge.constrain;

import org.jspecify.annotations.Nullable;

/// A state of the parser: all ways to parse the text so far. Each is a place in the current rule
/// ([Local]) with the call stack ([Tail]) of that rule.
///
/// A place that reads no byte itself is replaced by the places that its calls and its rule's end
/// lead to, so each place reads a byte. With no places left, the text can only end.
final class Config implements Constraint.State {
  private final GrammarMatcher machine;
  final int generation;
  final Local[] tops;
  final Tail[] tails;
  private final boolean whole;

  /// The next state by byte class; null: not computed yet.
  Config @Nullable [] next;

  private volatile long @Nullable [] mask;

  Config(GrammarMatcher machine, int generation, Local[] tops, Tail[] tails, boolean whole) {
    this.machine = machine;
    this.generation = generation;
    this.tops = tops;
    this.tails = tails;
    this.whole = whole;
  }

  /// True if this state is dead: it neither accepts nor has a transition.
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
  /// A null field is not computed yet; [GrammarMatcher] computes it, under its lock.
  static final class Local {
    final int number;
    final int[] states;

    /// Whether the rule may end here.
    final boolean ends;

    /// Whether the rule has a transition on a byte from here.
    final boolean reads;

    /// The next place by byte class; [#NOWHERE]: no transition.
    final @Nullable Local[] next;

    /// Pairs of a rule that is called here and the state to which the call returns.
    int @Nullable [] called;

    Local @Nullable [] back;

    /// Mask of the tokens that can be read from here within the rule.
    long @Nullable [] mask;

    /// Inner nodes of the token trie at which the rule may end.
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

  /// The call stack of a running rule: the places to which it may return, each with its own tail.
  ///
  /// Several callers share one tail (a graph-structured stack), so the number of ways to parse a
  /// text does not grow with the depth of nesting.
  static final class Tail {
    static final Tail BOTTOM = new Tail(true, new Local[0], new Tail[0]);

    /// Whether the stack is empty: the end of the rule is the end of the text.
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
