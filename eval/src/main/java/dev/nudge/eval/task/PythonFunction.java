package dev.nudge.eval.task;

/// A `!function module.name` reference in a task file; the Python code is not run.
///
/// @param name as written in the file
public record PythonFunction(String name) {
  /// Returns the function name without its module.
  public String last() {
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
