package dev.nudge.eval.task;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Index of the task files in folders by name: tasks, groups and tags.
///
/// A file with the key `class` is a Python task, else one with `group` a group, else one with
/// `task` a task. Of equal names in a folder the first path wins; a later folder overrides an
/// earlier one. A task or group hides a tag of its name; a tag collects tasks of all folders. Any
/// other or broken file is skipped, since it may be a part that others include.
public final class TaskIndex {
  private static final Set<String> NOT_IN = Set.of("__pycache__", ".ipynb_checkpoints");

  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<Path, String> unread = new LinkedHashMap<>();

  private TaskIndex() {}

  enum Kind {
    TASK,
    PYTHON,
    GROUP,
    TAG
  }

  /// A named task, group or tag.
  ///
  /// @param file the file; null for a tag
  /// @param tasks tasks of a tag
  record Entry(String name, Kind kind, @Nullable Path file, Set<String> tasks) {}

  /// Indexes all task files of folders.
  ///
  /// @throws InputException if a path is not a folder
  public static TaskIndex of(List<Path> folders) {
    TaskIndex index = new TaskIndex();
    for (Path folder : folders) {
      if (!Files.isDirectory(folder)) {
        throw new InputException(
            "--tasks-dir is %s; it must be a folder of task files".formatted(folder));
      }
      Map<String, Entry> own = new LinkedHashMap<>();
      for (Path file : files(folder)) {
        index.read(file, own);
      }
      own.values().forEach(index::add);
    }
    return index;
  }

  private void add(Entry entry) {
    Entry known = entries.get(entry.name());
    if (known == null || entry.kind() != Kind.TAG) {
      entries.put(entry.name(), entry);
    } else if (known.kind() == Kind.TAG) {
      known.tasks().addAll(entry.tasks());
    }
  }

  private static List<Path> files(Path folder) {
    try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return all.filter(file -> file.getFileName().toString().endsWith(".yaml"))
          .filter(file -> counts(folder.relativize(file)))
          .filter(Files::isRegularFile)
          .sorted(Comparator.comparing(file -> file.toString().replace('\\', '/')))
          .toList();
    } catch (UncheckedIOException e) {
      throw unreadable(folder, Objects.requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  private static InputException unreadable(Path folder, IOException e) {
    return new InputException(
        "--tasks-dir %s cannot be read: %s".formatted(folder, OutFolder.reason(e)), e);
  }

  private static boolean counts(Path file) {
    for (Path part : file) {
      if (NOT_IN.contains(part.toString())) {
        return false;
      }
    }
    return true;
  }

  private void read(Path file, Map<String, Entry> own) {
    try {
      Map<String, @Nullable Object> keys = TaskFiles.read(file);
      Entry entry = entry(file, keys);
      Entry known = own.get(entry.name());
      if (known != null && known.kind() != Kind.TAG) {
        return;
      }
      own.put(entry.name(), entry);
      if (entry.kind() != Kind.GROUP) {
        tags(file, keys).forEach(tag -> tag(tag, entry.name(), own));
      }
    } catch (InputException e) {
      unread.put(file, String.valueOf(e.getMessage()));
    }
  }

  private static void tag(String tag, String task, Map<String, Entry> own) {
    Entry entry =
        own.computeIfAbsent(tag, name -> new Entry(name, Kind.TAG, null, new TreeSet<>()));
    if (entry.kind() == Kind.TAG) {
      entry.tasks().add(task);
    }
  }

  /// Classifies a single file.
  ///
  /// @throws InputException if it is neither a task nor a group
  static Entry entry(Path file) {
    return entry(file, TaskFiles.read(file));
  }

  private static Entry entry(Path file, Map<String, @Nullable Object> keys) {
    Kind kind =
        keys.containsKey("class")
            ? Kind.PYTHON
            : keys.containsKey("group") ? Kind.GROUP : Kind.TASK;
    String key = kind == Kind.GROUP ? "group" : "task";
    if (!(keys.get(key) instanceof String name)) {
      throw new InputException(
          keys.get(key) == null
              ? file + " has neither task nor group; a task file names one of them"
              : "%s: %s is %s; it must be a name"
                  .formatted(file, key, TaskYaml.shown(keys.get(key))));
    }
    return new Entry(name, kind, file, Set.of());
  }

  private static List<String> tags(Path file, Map<String, @Nullable Object> keys) {
    Object tag = keys.get("tag");
    List<String> tags = new ArrayList<>();
    for (Object one : tag instanceof List<?> list ? list : java.util.Arrays.asList(tag)) {
      if (one instanceof String name) {
        tags.add(name);
      } else if (one != null) {
        throw new InputException(
            "%s: tag is %s; it must be a name or a list of names"
                .formatted(file, TaskYaml.shown(tag)));
      }
    }
    return tags;
  }

  @Nullable Entry find(String name) {
    return entries.get(name);
  }

  /// All names, sorted.
  public List<String> names() {
    return entries.keySet().stream().sorted().toList();
  }

  /// Skipped files with the reason.
  Map<Path, String> unread() {
    return unread;
  }
}
