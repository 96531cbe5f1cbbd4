package dev.nudge.eval.task;

/// Is what a task file has for `!function module.name`: code that is not run here.
///
/// @param name as the file has it
public record PythonFunction(String name) {
  /// The function's own name, without its module.
  public String last() {
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
