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
}
