package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads a task file with its includes.
///
/// Includes are relative to the including file. A later include overrides an earlier one, and the
/// file's own keys override all; values are replaced as a whole, lists and maps are not merged.
final class TaskFiles {
  private TaskFiles() {}

  /// @throws InputException if a file cannot be read, or includes itself
  static Map<String, @Nullable Object> read(Path file) {
    return read(file.toAbsolutePath().normalize(), List.of());
  }

  private static Map<String, @Nullable Object> read(Path file, List<Path> within) {
    if (within.contains(file)) {
      throw new InputException("%s includes itself, by %s".formatted(file, within.getLast()));
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          within.isEmpty()
              ? "there is no file " + file
              : "%s includes %s; there is no such file".formatted(within.getLast(), file));
    }
    Map<String, @Nullable Object> own = TaskYaml.read(file);
    if (!own.containsKey("include")) {
      return own;
    }
    Object includes = own.remove("include");
    List<Path> path = new ArrayList<>(within);
    path.add(file);
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    for (Object name :
        includes instanceof List<?> list ? list : java.util.Arrays.asList(includes)) {
      if (!(name instanceof String text)) {
        throw new InputException(
            "%s: include is %s; it must be a file or a list of files"
                .formatted(file, TaskYaml.shown(name)));
      }
      Map<String, @Nullable Object> included = read(file.resolveSibling(text).normalize(), path);
      included.remove("task_list");
      all.putAll(included);
    }
    all.putAll(own);
    return all;
  }
}
