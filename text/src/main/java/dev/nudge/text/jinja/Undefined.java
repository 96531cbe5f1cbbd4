package dev.nudge.text.jinja;

import org.jspecify.annotations.Nullable;

/// The value of an undefined name: it prints as nothing, is false and empty; any other use fails.
/// If strict, every use fails.
///
/// @param why message of a failing use
record Undefined(String why, boolean strict) implements Value {
  Undefined(String why) {
    this(why, false);
  }

  Undefined strictly() {
    return new Undefined(why, true);
  }

  /// Fails if the value is strict.
  void mayBeUsed() {
    if (strict) {
      throw Mistake.missing(this);
    }
  }

  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined attribute(Value value, String name) {
    return new Undefined("a " + value.type() + " has no attribute '" + name + "'");
  }

  @Override
  public String type() {
    return "Undefined";
  }

  @Override
  public boolean isTrue() {
    mayBeUsed();
    return false;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Undefined;
  }

  @Override
  public int hashCode() {
    return 1;
  }
}
