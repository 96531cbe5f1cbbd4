package dev.nudge.eval.task;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// A named filter pipeline of a task file.
///
/// @param steps the keys of each filter, `function` included
record FilterConfig(String name, List<TaskKeys> steps) {

  /// Returns the pipelines of a task; by default one named `none` that takes the first answer.
  static List<FilterConfig> of(TaskKeys keys) {
    List<?> list = keys.list("filter_list");
    if (list == null) {
      return List.of(new FilterConfig("none", List.of()));
    }
    List<FilterConfig> all = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>();
    for (Object entry : list) {
      TaskKeys one = keys.entry("filter_list", entry);
      one.only(Set.of("name", "filter"));
      String name = one.text("name");
      if (name == null) {
        throw one.wrong("name", "a name");
      }
      if (!names.add(name)) {
        throw one.wrong("name", "another name than that of a filter before it");
      }
      List<?> steps = one.list("filter");
      if (steps == null || steps.isEmpty()) {
        throw one.wrong("filter", "a list of at least one function");
      }
      all.add(
          new FilterConfig(name, steps.stream().map(step -> one.entry("filter", step)).toList()));
    }
    if (all.isEmpty()) {
      throw keys.wrong("filter_list", "a list of at least one filter");
    }
    return List.copyOf(all);
  }
}
