package dev.nudge.text.jinja;

import java.time.LocalDateTime;

/// Counts the cost of a rendering against its [RenderLimits], and tracks the current line.
final class Budget {
  private final RenderLimits limits;
  private final LocalDateTime now;
  private final Dialect dialect;
  private long steps;
  private int depth;
  private int line = 1;
  private int blocks;

  Budget(RenderLimits limits, LocalDateTime now, Dialect dialect) {
    this.limits = limits;
    this.now = now;
    this.dialect = dialect;
  }

  /// Returns a value; in a strict dialect an undefined value becomes a strict one.
  Value known(Value value) {
    return dialect.strict() && value instanceof Undefined undefined ? undefined.strictly() : value;
  }

  Dialect dialect() {
    return dialect;
  }

  int line() {
    return line;
  }

  LocalDateTime now() {
    return now;
  }

  int nextBlock() {
    return ++blocks;
  }

  void step(int at) {
    line = at;
    spend(1);
  }

  private void spend(long count) {
    steps += count;
    if (steps > limits.steps()) {
      throw new Mistake("the rendering takes more than " + limits.steps() + " steps");
    }
  }

  /// Call before making a text of `count` characters.
  void characters(long count) {
    grown(count, count);
  }

  /// Call after a text has grown to `count` characters by `added`.
  void grown(long count, long added) {
    if (count > limits.characters()) {
      throw new Mistake("a text of more than " + limits.characters() + " characters");
    }
    spend(added >> 6);
  }

  /// Call before making a list of `count` values.
  void elements(long count) {
    if (count > limits.elements()) {
      throw new Mistake("a list of more than " + limits.elements() + " values");
    }
    spend(count >> 3);
  }

  void enter() {
    if (++depth > limits.depth()) {
      throw new Mistake("more than " + limits.depth() + " macros or loops within each other");
    }
  }

  void leave() {
    depth--;
  }

  Text made(Text text) {
    characters(text.chars().length());
    return text;
  }
}
