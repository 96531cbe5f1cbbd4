package dev.nudge.constrain;

import org.jspecify.annotations.Nullable;

/// All ways to read a text so far: for each the place in the rule that runs, and what is under it.
///
/// Places where only a call or an end is possible are not kept, as what they lead to is. So a byte
/// is read by all places alike, and where there is none a text can only end, if it can.
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

  @Override
  public boolean finished() {
    return whole && tops.length == 0;
  }
}
