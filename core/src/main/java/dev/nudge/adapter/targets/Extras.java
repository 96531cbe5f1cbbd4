package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/// Says what an adapter trains besides A and B: whole modules, and token rows.
///
/// @param modules names of modules that are trained and saved whole, PEFT's `modules_to_save`: each
///     means every module whose path ends in that name
/// @param tokens ids whose rows alone are trained and saved, by the name of the embedding or the
///     output head, PEFT's `trainable_token_indices`
/// @param vocabulary minimum vocabulary size; 0: that of the model and of `tokens`
/// @param tied whether a tied output head stays tied, PEFT's `ensure_weight_tying`
/// @param score whether it has a score head: a reward model, PEFT's `SEQ_CLS` with one label
public record Extras(
    List<String> modules,
    Map<String, List<Integer>> tokens,
    int vocabulary,
    boolean tied,
    boolean score) {
  private static final int MOST = 1 << 22;

  /// A and B only.
  public static final Extras NONE = new Extras(List.of(), Map.of(), 0, false);

  /// Extras without a score head.
  public Extras(
      List<String> modules, Map<String, List<Integer>> tokens, int vocabulary, boolean tied) {
    this(modules, tokens, vocabulary, tied, false);
  }

  public Extras {
    modules = List.copyOf(new LinkedHashSet<>(modules));
    Map<String, List<Integer>> copy = new LinkedHashMap<>();
    tokens.forEach((name, ids) -> copy.put(name, checked(name, ids)));
    tokens = Collections.unmodifiableMap(copy);
    if (modules.stream().anyMatch(String::isBlank)) {
      throw new InputException("modules_to_save has an empty name");
    }
  }

  private static List<Integer> checked(String name, List<Integer> ids) {
    if (ids.isEmpty() || ids.stream().anyMatch(id -> id < 0)) {
      throw new InputException(
          "trainable_token_indices of %s are %s; give ids from 0".formatted(name, ids));
    }
    if (ids.stream().anyMatch(id -> id >= MOST)) {
      throw new InputException(
          "trainable_token_indices of %s hold an id from %d on; no vocabulary is as large"
              .formatted(name, MOST));
    }
    if (new TreeSet<>(ids).size() < ids.size()) {
      throw new InputException("trainable_token_indices of %s name a token twice".formatted(name));
    }
    return List.copyOf(ids);
  }

  /// Whether there is nothing beside A and B.
  public boolean isEmpty() {
    return modules.isEmpty() && tokens.isEmpty() && !score;
  }

  /// These with or without a score head.
  public Extras withScore(boolean value) {
    return new Extras(modules, tokens, vocabulary, tied, value);
  }

  /// Whether the module at `path` is saved whole.
  public boolean saves(String path) {
    return modules.stream().anyMatch(path::endsWith);
  }

  /// The ids of the token rows that are saved of the module at `path`.
  public List<Integer> ids(String path) {
    return tokens.entrySet().stream()
        .filter(e -> path.endsWith(e.getKey()))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse(List.of());
  }
}
