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

  /// A value as this rendering takes it: what is undefined may be one that fails.
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

  /// Before a text of so many characters is made.
  void characters(long count) {
    grown(count, count);
  }

  /// After a text has grown by so many characters.
  void grown(long count, long added) {
    if (count > limits.characters()) {
      throw new Mistake("a text of more than " + limits.characters() + " characters");
    }
    spend(added >> 6);
  }

  /// Before a list of so many values is made.
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
