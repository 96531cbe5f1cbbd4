package dev.nudge.text.jinja;

/// A value of a template, with Python's `==` as `equals`.
public sealed interface Value permits Text, Num, None, Undefined, Items, Dict, Namespace, Callable {

  /// Python's name of the type, for messages.
  String type();

  /// Python's truth value.
  boolean isTrue();
}
