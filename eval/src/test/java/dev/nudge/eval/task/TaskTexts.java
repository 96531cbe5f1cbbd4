package dev.nudge.eval.task;

import java.util.stream.Collectors;

/// Task files of tests.
public final class TaskTexts {
  private TaskTexts() {}

  /// A task file with another line for a key, or with one more.
  public static String with(String task, String line) {
    String key = line.substring(0, line.indexOf(':'));
    String others =
        task.lines()
            .filter(other -> !other.startsWith(key + ":"))
            .collect(Collectors.joining("\n"));
    return others + "\n" + line + "\n";
  }
}
