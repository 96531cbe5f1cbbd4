package dev.nudge.train;

import dev.nudge.adapter.targets.Targets;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/// Finds the tensors that `--freeze` keeps frozen.
///
/// An entry matches paths as an entry of `--targets` does. It means a module with everything inside
/// (`model.layers.0`, `self_attn`, `embed_tokens`) or one tensor (`q_proj.bias`). With tied weights
/// `lm_head` is another name of the embedding.
final class Freeze {
  private Freeze() {}

  /// Returns a predicate on tensor names: whether the tensor trains.
  ///
  /// @throws InputException if an entry matches nothing, or no tensor is left to train
  static Predicate<String> trains(List<String> entries, ModelConfig config) {
    Map<String, Set<String>> paths = paths(config);
    Set<String> frozen = new LinkedHashSet<>();
    for (String entry : entries) {
      Targets targets = Targets.parse(entry);
      switch (targets) {
        case Targets.AllLinear all ->
            config.projections().forEach(path -> take(path::equals, path, paths, frozen));
        case Targets.Names list ->
            list.names()
                .forEach(
                    name -> take(path -> Targets.Names.matches(name, path), name, paths, frozen));
        case Targets.Regex regex -> take(regex.matcher(), entry, paths, frozen);
        case Targets.Parameters both -> take(both.matcher(), entry, paths, frozen);
      }
    }
    if (frozen.size() == paths.size()) {
      throw new InputException(
          "--freeze "
              + String.join(" --freeze ", entries)
              + " leaves nothing to train; give fewer modules");
    }
    return name -> !frozen.contains(name);
  }

  /// The tensors with all paths that select them: their own and those of the enclosing modules.
  private static Map<String, Set<String>> paths(ModelConfig config) {
    Map<String, Set<String>> all = new LinkedHashMap<>();
    for (String name : config.tensors().keySet()) {
      Set<String> paths = new LinkedHashSet<>();
      around(name, paths);
      if (config.tieWordEmbeddings() && name.equals(config.embedding())) {
        around(config.head(), paths);
      }
      all.put(name, paths);
    }
    return all;
  }

  private static void around(String name, Set<String> paths) {
    for (int end = name.length(); end > 0; end = name.lastIndexOf('.', end - 1)) {
      paths.add(name.substring(0, end));
    }
  }

  private static void take(
      Predicate<String> matches, String entry, Map<String, Set<String>> paths, Set<String> frozen) {
    List<String> found = new ArrayList<>();
    paths.forEach(
        (name, all) -> {
          if (all.stream().anyMatch(matches)) {
            found.add(name);
          }
        });
    if (found.isEmpty()) {
      throw new InputException(
          "--freeze '%s' matches no module or tensor of the model%s"
              .formatted(entry, Nearest.hint(entry, names(paths))));
    }
    frozen.addAll(found);
  }

  /// The last segments of all paths.
  private static Set<String> names(Map<String, Set<String>> paths) {
    Set<String> names = new LinkedHashSet<>();
    paths.values().forEach(all -> all.forEach(path -> names.add(Targets.leaf(path))));
    return names;
  }
}
