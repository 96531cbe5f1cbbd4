package dev.nudge.text.jinja;

import org.jspecify.annotations.Nullable;

/// A built-in that a template can call: a function, a method bound to its value, or a macro.
///
/// @param name name for messages
/// @param attributes its attributes; null: none
record Callable(String name, Function function, @Nullable Attributes attributes) implements Value {
  /// The code of a call.
  interface Function {
    Value call(Arguments arguments);
  }

  /// Attributes by name; null: no such attribute.
  interface Attributes {
    @Nullable Value of(String name);
  }

  Callable(String name, Function function) {
    this(name, function, null);
  }

  @Override
  public String type() {
    return "function";
  }

  @Override
  public boolean isTrue() {
    return true;
  }
}
