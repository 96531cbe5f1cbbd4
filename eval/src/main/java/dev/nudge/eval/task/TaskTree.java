package dev.nudge.eval.task;

import dev.nudge.eval.task.TaskIndex.Entry;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// Resolves `--tasks` (names of tasks, groups and tags, glob patterns, files) to tasks and groups.
///
/// A group key that is not a group setting is passed to all members; keys next to a member's name
/// in the group override it, and both override the member's file.
///
/// @param tasks tasks by name, in run order
/// @param groups groups by name, outer ones first
public record TaskTree(Map<String, TaskConfig> tasks, Map<String, TaskGroup> groups) {
  private static final int MOST_DEPTH = 50;

  /// Resolves names of built-in tasks and of a user's task folders.
  ///
  /// @throws InputException in one line, if a name is unknown or a task cannot be run
  public static TaskTree of(TaskIndex index, List<String> names) {
    return of(index, names, true);
  }

  /// Resolves names.
  ///
  /// @param dirs whether task folders were given; else the error for an unknown name suggests to
  ///     give one
  public static TaskTree of(TaskIndex index, List<String> names, boolean dirs) {
    Builder builder = new Builder(index, dirs);
    Map<String, String> from = new LinkedHashMap<>();
    for (String name : names) {
      for (Entry entry : builder.entries(name)) {
        for (String task : builder.add(entry, Map.of(), 0)) {
          String source = entry.kind() == TaskIndex.Kind.TAG ? task : entry.name();
          String before = from.putIfAbsent(task, source);
          if (before != null && !before.equals(source)) {
            throw new InputException(
                "--tasks: %s is selected twice, by %s and by %s; leave one out"
                    .formatted(task, before, source));
          }
        }
      }
    }
    if (builder.tasks.isEmpty()) {
      throw new InputException("--tasks names no task");
    }
    return new TaskTree(builder.tasks, builder.groups);
  }

  private static final class Builder {
    private final TaskIndex index;
    private final boolean dirs;
    private final Map<String, TaskConfig> tasks = new LinkedHashMap<>();
    private final Map<String, TaskGroup> groups = new LinkedHashMap<>();

    Builder(TaskIndex index, boolean dirs) {
      this.index = index;
      this.dirs = dirs;
    }

    List<Entry> entries(String name) {
      Entry found = index.find(name);
      if (found != null) {
        return List.of(found);
      }
      if (name.endsWith(".yaml") && isFile(name)) {
        return List.of(TaskIndex.entry(Path.of(name)));
      }
      if (name.indexOf('*') >= 0 || name.indexOf('?') >= 0) {
        PathMatcher matcher = matcher(name);
        List<Entry> matched = new ArrayList<>();
        for (String known : index.names()) {
          Entry entry = index.find(known);
          if (entry != null && matcher.matches(Path.of(known))) {
            matched.add(entry);
          }
        }
        if (!matched.isEmpty()) {
          return matched;
        }
      }
      throw unknown("--tasks", name);
    }

    private static PathMatcher matcher(String name) {
      try {
        return FileSystems.getDefault().getPathMatcher("glob:" + name);
      } catch (PatternSyntaxException e) {
        throw new InputException(
            "--tasks: %s is no pattern; close its brackets and braces".formatted(name), e);
      }
    }

    private static boolean isFile(String name) {
      try {
        return Files.isRegularFile(Path.of(name));
      } catch (InvalidPathException e) {
        return false;
      }
    }

    private InputException unknown(String place, String name) {
      Map.Entry<Path, String> broken =
          index.unread().entrySet().stream()
              .filter(file -> file.getKey().getFileName().toString().equals(name + ".yaml"))
              .findFirst()
              .orElse(null);
      return new InputException(
          "%s: %s is no task, group or tag %s and no .yaml file%s"
              .formatted(
                  place,
                  name,
                  dirs
                      ? "of --tasks-dir"
                      : "that comes with nudge (give --tasks-dir, a folder of task files, for others)",
                  broken != null
                      ? "; a file of that name is broken: " + broken.getValue()
                      : Nearest.hint(name, index.names())));
    }

    /// Adds the tasks of an entry; returns their names.
    List<String> add(Entry entry, Map<String, @Nullable Object> over, int depth) {
      if (depth > MOST_DEPTH) {
        throw new InputException(
            "%s: groups stand more than %s deep in others, or in themselves"
                .formatted(entry.file(), MOST_DEPTH));
      }
      return switch (entry.kind()) {
        case TAG -> {
          List<String> all = new ArrayList<>();
          for (String task : entry.tasks()) {
            all.addAll(add(known(task, "tag " + entry.name()), over, depth + 1));
          }
          yield all;
        }
        case GROUP -> {
          Map<String, @Nullable Object> keys = keys(entry);
          Map<String, @Nullable Object> inner = passed(keys);
          inner.putAll(over);
          yield group(String.valueOf(entry.file()), entry.name(), keys, inner, depth);
        }
        case TASK, PYTHON -> {
          Map<String, @Nullable Object> keys = keys(entry);
          keys.putAll(over);
          keys.put("task", over.getOrDefault("task", entry.name()));
          yield List.of(task(String.valueOf(entry.file()), keys));
        }
      };
    }

    private static Map<String, @Nullable Object> keys(Entry entry) {
      return entry.file() == null ? new LinkedHashMap<>() : TaskFiles.read(entry.file());
    }

    private Entry known(String name, String place) {
      Entry found = index.find(name);
      if (found == null) {
        throw unknown(place, name);
      }
      return found;
    }

    private String task(String place, Map<String, @Nullable Object> keys) {
      TaskConfig config = TaskConfig.of(place, keys);
      tasks.put(config.name(), config);
      return config.name();
    }

    /// Returns the keys of a group that are passed to its members.
    private static Map<String, @Nullable Object> passed(Map<String, @Nullable Object> keys) {
      Map<String, @Nullable Object> passed = new LinkedHashMap<>(keys);
      passed.keySet().removeAll(TaskGroup.KEYS);
      passed.remove("tag");
      return passed;
    }

    private List<String> group(
        String place,
        String name,
        Map<String, @Nullable Object> map,
        Map<String, @Nullable Object> over,
        int depth) {
      TaskKeys keys = new TaskKeys(place, map);
      groups.put(name, TaskGroup.of(keys, name, List.of(), List.of())); // outer ones first
      List<String> children = new ArrayList<>();
      List<String> all = new ArrayList<>();
      Object members = map.get("task");
      List<?> list = members instanceof List<?> several ? several : List.of();
      if (members != null && !(members instanceof List<?>) && !(members instanceof String)) {
        throw keys.wrong("task", "a list of names");
      }
      for (Object member : list) {
        Member resolved = member(keys, name, member, over, depth);
        children.addAll(resolved.names());
        resolved.tasks().stream().filter(task -> !all.contains(task)).forEach(all::add);
      }
      if (all.isEmpty()) {
        throw new InputException("%s: group %s has no task in it".formatted(place, name));
      }
      List<String> once = children.stream().distinct().toList();
      groups.put(name, TaskGroup.of(keys, name, once, all));
      return all;
    }

    private record Member(List<String> names, List<String> tasks) {}

    private Member member(
        TaskKeys keys,
        String group,
        @Nullable Object member,
        Map<String, @Nullable Object> over,
        int depth) {
      if (member instanceof String name) {
        return named(keys, group, name, over, depth);
      }
      if (!(member instanceof Map<?, ?> map)) {
        throw TaskGroup.wrongMember(keys, member);
      }
      Map<String, @Nullable Object> own = new LinkedHashMap<>();
      map.forEach((key, value) -> own.put(String.valueOf(key), value));
      Map<String, @Nullable Object> both = new LinkedHashMap<>(over);
      if (own.get("group") instanceof String name) {
        Entry entry = index.find(name);
        if (entry == null) {
          String inline = group + "::" + name;
          Map<String, @Nullable Object> inner = passed(own);
          inner.putAll(over);
          return new Member(List.of(inline), group(keys.place(), inline, own, inner, depth + 1));
        }
        own.remove("group");
        both.putAll(own);
        return new Member(List.of(name), add(entry, both, depth + 1));
      }
      if (!(own.remove("task") instanceof String name)) {
        throw TaskGroup.wrongMember(keys, member);
      }
      both.putAll(own);
      return named(keys, group, name, both, depth);
    }

    private Member named(
        TaskKeys keys, String group, String name, Map<String, @Nullable Object> over, int depth) {
      Entry entry = index.find(name);
      if (entry == null) {
        if (!over.containsKey("dataset_path")) {
          throw unknown(keys.place(), name);
        }
        Map<String, @Nullable Object> inline = new LinkedHashMap<>(over);
        inline.put("task", group + "::" + name);
        String task = task(keys.place(), inline);
        return new Member(List.of(task), List.of(task));
      }
      List<String> tasks = add(entry, over, depth + 1);
      boolean tag = entry.kind() == TaskIndex.Kind.TAG;
      return new Member(tag ? tasks : List.of(name), tasks);
    }
  }
}
