package dev.nudge.text.jinja;

/// Is what a template can hold. `equals` is Python's `==`.
public sealed interface Value permits Text, Num, None, Undefined, Items, Dict, Namespace, Callable {

  /// Python's name of the type, for messages.
  String type();

  /// Python's truth of it.
  boolean isTrue();
}
